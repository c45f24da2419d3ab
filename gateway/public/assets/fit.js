// The regression line with its prediction interval over the newest events.

import { horizontal, pixel, shape, through, vertical } from "./chart.js";

/** The shapes of `{term, target, line, points, marked}`; `marked` is an answer on it, or null. */
export function fit({ term, target, line, points, marked }, size) {
  const ys = line.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]);
  ys.push(...points.map(([, y]) => y));
  const { scale: y, shapes: rows } = vertical(Math.min(...ys), Math.max(...ys), size, target);
  const { scale: x, shapes: columns } = horizontal(line[0].x, line.at(-1).x, size, term);
  const at = (key) => (point) => [x(point.x), y(point[key])];

  const shapes = [...rows, ...columns];
  if (line.every(({ low }) => low !== null)) {
    const around = [...line.map(at("high")), ...line.map(at("low")).reverse()];
    shapes.push(shape("path", { class: "band", d: `${through(around)}Z` }));
  }
  // One path for all points: a line of no length with a round cap is a dot.
  const dots = points.map((point) => `M${pixel(x(point[0]))},${pixel(y(point[1]))}h0`);
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
