// One estimate with its interval for each level of a category, beside the newest events.

import { fitting, horizontal, inner, pixel, shape, titled } from "./chart.js";
import { linear, spread } from "./scale.js";

const ROW_PIXELS = 40;
const JITTER_PIXELS = 9;
const NAME_PIXELS = 14; // the level's name stands above its row

/** The height of a chart with so many levels. */
export const heightOf = (levels) => (levels + 1) * ROW_PIXELS + 20;

/** The shapes of `{target, range, points, rows, marked}`; of the rows those of the levels are drawn. */
export function levels({ target, range, points, rows, marked }, whole) {
  const size = titled(whole);
  const [low, high] = spread(points, range);
  const { scale, shapes } = horizontal(low, high, size, target);
  const names = points.map(({ x: level }) => level);
  const { middle, shapes: lines } = named(names, size);
  const place = new Map(names.map((level, number) => [level, middle(number)]));
  shapes.push(...lines);

  const dots = rows
    .filter(([level, value]) => place.has(level) && value >= low && value <= high)
    .map(([level, value], i) => {
      const aside = (((i * 7) % 11) / 5 - 1) * JITTER_PIXELS; // the same at each drawing
      return `M${pixel(scale(value))},${pixel(place.get(level) + aside)}h0`;
    });
  shapes.push(shape("path", { class: "dots", d: dots.join("") }));
  for (const { x: level, ...estimate } of points)
    shapes.push(...whisker("estimate", estimate, place.get(level), scale));
  return marked ? shapes.concat(whisker("asked", marked, place.get(marked.x), scale)) : shapes;
}

/** A line for each name, which stands above it; `middle(number)` is where it runs. */
export function named(names, size) {
  const { x, y } = inner(size);
  const bands = linear([0, names.length], [y[1] - NAME_PIXELS, y[0]]);
  const middle = (number) => bands(number + 0.5) + NAME_PIXELS / 2;
  const shapes = names.flatMap((name, number) => [
    shape("path", { class: "grid-line", d: `M${x[0]},${middle(number)}H${x[1]}` }),
    fitting("text", { class: "tick", x: 0, y: middle(number) - JITTER_PIXELS - 5 }, name, size),
  ]);
  return { middle, shapes };
}

function whisker(name, { y: value, low, high }, middle, scale) {
  const dot = shape("circle", { class: name, cx: scale(value), cy: middle, r: 5 });
  if (low === null) return [dot];
  const d = `M${scale(low)},${middle}H${scale(high)}`;
  return [shape("path", { class: name, d }), dot];
}
