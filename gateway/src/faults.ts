/** The current faults of Kafka: each is logged when it begins, and once a minute while it lasts. */

import type { Logger } from "pino";
import type { Fault } from "./diagnose.ts";
import type { Metrics } from "./metrics.ts";

const REPEAT_MS = 60_000;

interface Told {
  at: number;
  /** Whether its end is still to be logged. */
  open: boolean;
}

export class Faults {
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #seen = new Map<string, readonly Fault[]>();
  readonly #told = new Map<string, Told>();

  constructor(metrics: Metrics, log: Logger, now: () => number = Date.now) {
    this.#metrics = metrics;
    this.#log = log;
    this.#now = now;
  }

  /** The current faults, without repeats. */
  get standing(): Fault[] {
    const all = [...this.#seen.values()].flat();
    return [...new Map(all.map((fault) => [fault.sentence, fault])).values()];
  }

  /** Replace the faults that a part of the gateway sees. */
  see(source: string, faults: readonly Fault[]): void {
    this.#seen.set(source, faults);
    for (const fault of faults) this.#tell(fault);
    const standing = new Set(this.standing.map(({ sentence }) => sentence));
    for (const [sentence, told] of this.#told) {
      if (standing.has(sentence)) continue;
      if (told.open) this.#log.info({ reason: `no longer: ${sentence}` }, "recovered");
      told.open = false;
      if (this.#now() - told.at >= REPEAT_MS) this.#told.delete(sentence);
    }
  }

  /** Log a fault that is over already; `because` may vary. */
  note(fault: Fault, because: string): void {
    this.#tell(fault, { because });
    const told = this.#told.get(fault.sentence);
    if (told !== undefined) told.open = false;
  }

  /** Count a fault, and log it unless that was done within the last minute. */
  #tell({ kind, sentence }: Fault, more: { because?: string } = {}): void {
    this.#metrics.kafkaFault(kind);
    const told = this.#told.get(sentence);
    if (told !== undefined && this.#now() - told.at < REPEAT_MS) return;
    this.#told.set(sentence, { at: this.#now(), open: true });
    this.#log.error({ kind, reason: sentence, ...more }, "fault");
  }
}
