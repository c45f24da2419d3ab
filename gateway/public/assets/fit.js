// The regression's curve over a number, with its prediction interval, over the newest events.

import { horizontal, pixel, shape, through, titled, vertical } from "./chart.js";
import { spread } from "./scale.js";

/** The shapes of `{over, target, range, points, rows, marked}`; `marked` is an answer, or null. */
export function fit({ over, target, range, points: line, rows, marked }, whole) {
  const size = titled(whole);
  const [low, high] = spread(line, range);
  const { scale: y, shapes: grid } = vertical(low, high, size, target);
  const [least, most] = [line[0].x, line.at(-1).x];
  const { scale: x, shapes: columns } = horizontal(least, most, size, over);
  const at = (key) => (point) => [x(point.x), y(point[key])];

  const shapes = [...grid, ...columns];
  if (line.every(({ low }) => low !== null)) {
    const around = [...line.map(at("high")), ...line.map(at("low")).reverse()];
    shapes.push(shape("path", { class: "band", d: `${through(around)}Z` }));
  }
  // One path for all points: a line of no length with a round cap is a dot.
  const dots = rows
    .filter((row) => row[0] >= least && row[0] <= most && row[1] >= low && row[1] <= high)
    .map((row) => `M${pixel(x(row[0]))},${pixel(y(row[1]))}h0`);
  shapes.push(shape("path", { class: "dots", d: dots.join("") }));
  shapes.push(shape("path", { class: "line", d: through(line.map(at("y"))) }));
  return marked ? shapes.concat(mark(marked, x, y)) : shapes;
}

function mark(answer, x, y) {
  const shapes = [shape("circle", { class: "asked", cx: x(answer.x), cy: y(answer.y), r: 5 })];
  if (answer.low !== null) {
    const d = `M${x(answer.x)},${y(answer.low)}V${y(answer.high)}`;
    shapes.unshift(shape("path", { class: "asked", d }));
  }
  return shapes;
}
