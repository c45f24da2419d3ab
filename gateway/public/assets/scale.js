// From data to pixels, and where the ticks stand. Pure.

/** A linear map of one interval onto another. */
export const linear = ([low, high], [start, end]) => (value) =>
  start + ((value - low) / (high - low || 1)) * (end - start);

/** A step of 1, 2 or 5 times a power of ten that makes about `count` intervals. */
export function niceStep(low, high, count) {
  const rough = (high - low || Math.abs(high) || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
}

/** The multiples of `step` from `low` to `high`. */
export function ticks(low, high, step) {
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** The interval, widened to whole steps: so it rarely changes while the data do. */
export const widened = (low, high, step) => [
  Math.floor(low / step + 1e-9) * step,
  Math.ceil(high / step - 1e-9) * step || step,
];
