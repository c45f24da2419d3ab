/** A broker's address as text. Pure. */

import type { Broker } from "@platformatic/kafka";

/** HOST:PORT. */
export function name({ host, port }: Broker): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
