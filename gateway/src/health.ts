/** The gateway's readiness, as kinds of faults without names. */

import type { Appender } from "./appender.ts";
import type { Client } from "./client.ts";
import type { Cluster, Duty } from "./cluster.ts";
import type { Kind } from "./diagnose.ts";
import type { Faults } from "./faults.ts";

export interface Readiness {
  readonly ready: boolean;
  readonly status: "ready" | "not-ready";
  /** The kinds of the current faults; the log has the sentences. */
  readonly faults: Kind[];
  /** The number of partitions without a leader, for each of the three topics. */
  readonly leaderless: Record<Duty["name"], number>;
}

export class Health {
  readonly #client: Client;
  readonly #events: Appender;
  readonly #cluster: Cluster;
  readonly #faults: Faults;
  readonly #duties: readonly Duty[];

  constructor(client: Client, events: Appender, cluster: Cluster, faults: Faults, duties: readonly Duty[]) {
    this.#client = client;
    this.#events = events;
    this.#cluster = cluster;
    this.#faults = faults;
    this.#duties = duties;
  }

  look(): Readiness {
    const ready = this.#client.ready && this.#events.ready;
    const kinds = this.#faults.standing.map(({ kind }) => kind);
    const counts = this.#duties.map(({ name, topic }) => [name, this.#cluster.leaderless(topic)]);
    return {
      ready,
      status: ready ? "ready" : "not-ready",
      faults: [...new Set(kinds)].sort(),
      leaderless: Object.fromEntries(counts) as Readiness["leaderless"],
    };
  }
}
