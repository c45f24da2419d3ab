/** The rate and the errors of the last minutes. Pure: time comes in as an argument. */

const SPAN_MS = 5 * 60_000;

export interface Errors {
  mae: number | null;
  rmse: number | null;
  recent: { rmse: number | null };
}

export interface Sample {
  /** Milliseconds since the epoch. */
  at: number;
  /** Events per second since the sample before; null for the first. */
  rate: number | null;
  /** Over all one-step-ahead errors. */
  mae: number | null;
  rmse: number | null;
  /** Over those of the last 1,000 events. */
  recent: number | null;
}

export class History {
  #samples: Sample[] = [];
  #previous: { at: number; events: number } | undefined;

  /** Add a sample. Returns the samples of the last five minutes, including this one. */
  add(at: number, events: number, { mae, rmse, recent }: Errors): readonly Sample[] {
    const rate = this.#previous === undefined ? null : perSecond(this.#previous, { at, events });
    this.#previous = { at, events };
    this.#samples = this.#samples.filter((sample) => sample.at > at - SPAN_MS);
    this.#samples.push({ at, rate, mae, rmse, recent: recent.rmse });
    return this.#samples;
  }
}

/** Never negative: another instance, slightly behind, may answer next. */
function perSecond(
  before: { at: number; events: number },
  now: { at: number; events: number },
): number {
  return Math.max(0, now.events - before.events) / Math.max(0.001, (now.at - before.at) / 1000);
}
