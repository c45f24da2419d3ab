// From data to pixels, and where the ticks stand. Pure.

/**
 * What a picture of estimates shows: all of them, the range of the target if it has one, and of
 * their intervals what lies at most half of that outside: an outlier makes them wide.
 */
export function spread(points, range) {
  const ys = points.map(({ y }) => y).concat(range ?? []);
  const [least, most] = [Math.min(...ys), Math.max(...ys)];
  const margin = range ? (most - least) / 2 : Infinity;
  const ends = points.flatMap(({ y, low, high }) => [
    Math.max(low ?? y, least - margin),
    Math.min(high ?? y, most + margin),
  ]);
  return [Math.min(least, ...ends), Math.max(most, ...ends)];
}

/** Up to where a curve over time is shown: what is above for a fiftieth of the time is cut off. */
export function ceiling(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const usual = sorted[Math.floor(0.98 * (sorted.length - 1))] ?? 0;
  return Math.min(1.25 * usual, sorted.at(-1) ?? 0) || sorted.at(-1) || 1;
}

/** A linear map of one interval onto another; what lies outside comes to its end. */
export const linear = ([low, high], [start, end]) => (value) =>
  start + Math.min(1, Math.max(0, (value - low) / (high - low || 1))) * (end - start);

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
