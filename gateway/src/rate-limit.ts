/** Rate-limits a log line that clients can cause: once a minute at most. */

const REPEAT_MS = 60_000;

/** Calls `tell` at most once a minute, with the number of calls suppressed since the last. */
export function rateLimited<Arguments extends unknown[]>(
  tell: (passedOver: number, ...given: Arguments) => void,
  now: () => number = Date.now,
): (...given: Arguments) => void {
  let last = -Infinity;
  let passedOver = 0;
  return (...given) => {
    if (now() - last < REPEAT_MS) {
      passedOver += 1;
      return;
    }
    tell(passedOver, ...given);
    last = now();
    passedOver = 0;
  };
}
