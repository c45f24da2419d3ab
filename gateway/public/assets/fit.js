// The regression line with its prediction interval over the newest events.

import { horizontal, pixel, shape, through, vertical } from "./chart.js";

/** The shapes of `{term, target, line, points, asked}`; `asked` is an answer to mark, or null. */
export function fit({ term, target, line, points, asked }, size) {
  const marked = asked ? [asked] : [];
  const xs = [...line, ...marked].map(({ x }) => x);
  const ys = [...line, ...marked].flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]);
  ys.push(...points.map(([, y]) => y));
  const { scale: y, shapes: rows } = vertical(Math.min(...ys), Math.max(...ys), size, target);
  const { scale: x, shapes: columns } = horizontal(Math.min(...xs), Math.max(...xs), size, term);
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
  return shapes.concat(marked.flatMap((answer) => mark(answer, x, y)));
}

function mark(answer, x, y) {
  const shapes = [shape("circle", { class: "asked", cx: x(answer.x), cy: y(answer.y), r: 5 })];
  if (answer.low !== null) {
    const d = `M${x(answer.x)},${y(answer.low)}V${y(answer.high)}`;
    shapes.unshift(shape("path", { class: "asked", d }));
  }
  return shapes;
}
