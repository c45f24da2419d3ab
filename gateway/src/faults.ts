/** What is wrong with Kafka now: each fault is named once, and once a minute while it lasts. */

import type { Logger } from "pino";
import type { Fault } from "./diagnose.ts";
import type { Metrics } from "./metrics.ts";

const REPEAT_MS = 60_000;

interface Told {
  at: number;
  /** Whether its end is still to be told. */
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

  /** Those that stand now, each once. */
  get standing(): Fault[] {
    const all = [...this.#seen.values()].flat();
    return [...new Map(all.map((fault) => [fault.sentence, fault])).values()];
  }

  /** What a part of the gateway sees now, in place of what it saw before. */
  see(source: string, faults: readonly Fault[]): void {
    this.#seen.set(source, faults);
    for (const fault of faults) this.note(fault);
    const standing = new Set(this.standing.map(({ sentence }) => sentence));
    for (const [sentence, told] of this.#told) {
      if (standing.has(sentence)) continue;
      if (told.open) this.#log.info(`no longer: ${sentence}`);
      told.open = false;
      if (this.#now() - told.at >= REPEAT_MS) this.#told.delete(sentence);
    }
  }

  /** Count a fault, and tell of it unless that was done within a minute. */
  note({ kind, sentence }: Fault): void {
    this.#metrics.kafkaFault(kind);
    const told = this.#told.get(sentence);
    if (told !== undefined && this.#now() - told.at < REPEAT_MS) return;
    this.#told.set(sentence, { at: this.#now(), open: true });
    this.#log.warn({ kind }, sentence);
  }
}
