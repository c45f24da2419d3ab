/** The W3C trace context of a call: on with its question or events, and back to its caller. Pure. */

import type { IncomingHttpHeaders } from "node:http";

const PARENT = "traceparent";
const STATE = "tracestate";
const WELL_FORMED = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const PRINTABLE = /^[ -~]{1,512}$/;

/** Headers by name: none, `traceparent`, or `tracestate` too. */
export type Trace = Readonly<Record<string, string>>;

/** What to carry on; nothing if there is no well-formed `traceparent`. */
export function readTrace(headers: IncomingHttpHeaders): Trace {
  const { [PARENT]: parent, [STATE]: state } = headers;
  if (typeof parent !== "string" || !WELL_FORMED.test(parent)) return {};
  return typeof state === "string" && PRINTABLE.test(state)
    ? { [PARENT]: parent, [STATE]: state }
    : { [PARENT]: parent };
}

/** The same as headers of a record. */
export function recordHeaders(trace: Trace): [Buffer, Buffer][] {
  return Object.entries(trace).map(([name, value]) => [Buffer.from(name), Buffer.from(value)]);
}
