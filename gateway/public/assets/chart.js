// What the charts share: an SVG that is drawn anew in pixels of its own size, and its axes.

import { label } from "./numbers.js";
import { linear, niceStep, ticks, widened } from "./scale.js";

const MARGIN = { top: 26, right: 14, bottom: 30, left: 46 };
const PIXELS_PER_TICK = { x: 80, y: 48 };
const PIXELS_PER_LETTER = 7.2; // at most, on average, in the charts' size

/** An SVG element with its attributes. */
export function shape(name, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

/**
 * Make a chart of an `<svg>` that has a `<desc>` and a `<g>`.
 *
 * `draw(data, size)` gives the shapes. The chart is drawn when it is shown data, and when its size
 * changes: so its text is as large on a phone as on a wide screen.
 */
export function chart(svg, draw) {
  let data;
  const redraw = () => {
    const size = { width: svg.clientWidth, height: svg.clientHeight };
    if (data && size.width > 0) svg.querySelector("g").replaceChildren(...draw(data, size));
  };
  new ResizeObserver(redraw).observe(svg);
  return (next, description) => {
    data = next;
    svg.querySelector("desc").textContent = description;
    redraw();
  };
}

/** The size that is left above the title of a horizontal axis. */
export const titled = ({ width, height }) => ({ width, height: height - 18 });

/** Text that is cut where the chart is too narrow for it. */
export function fitting(name, attributes, text, { width }) {
  const room = Math.floor(width / PIXELS_PER_LETTER);
  return shape(name, attributes, text.length > room ? `${text.slice(0, room - 1)}…` : text);
}

/** The plot's inner box: from left to right, and from the bottom up. */
export const inner = ({ width, height }) => ({
  x: [MARGIN.left, width - MARGIN.right],
  y: [height - MARGIN.bottom, MARGIN.top],
});

/** A vertical scale over whole steps, with its grid. */
export function vertical(low, high, size, title) {
  const { x, y } = inner(size);
  const step = niceStep(low, high, (y[0] - y[1]) / PIXELS_PER_TICK.y);
  const domain = widened(low, high, step);
  const scale = linear(domain, y);
  const shapes = ticks(...domain, step).flatMap((value) => [
    shape("path", { class: "grid-line", d: `M${x[0]},${scale(value)}H${x[1]}` }),
    shape("text", { class: "tick", x: x[0] - 8, y: scale(value), dy: "0.32em", "text-anchor": "end" },
      label(value, step)),
  ]);
  shapes.push(fitting("text", { class: "axis", x: 0, y: 12 }, title, size));
  return { scale, shapes };
}

/** A horizontal scale from `low` to `high`, with its ticks. */
export function horizontal(low, high, size, title) {
  const { x, y } = inner(size);
  const step = niceStep(low, high, (x[1] - x[0]) / PIXELS_PER_TICK.x);
  const scale = linear([low, high], x);
  const shapes = ticks(low, high, step).map((value) => tick(scale(value), y[0], label(value, step)));
  const end = { class: "axis", x: x[1], y: y[0] + 40, "text-anchor": "end" };
  shapes.push(fitting("text", end, title, size));
  return { scale, shapes };
}

export const tick = (x, bottom, text, anchor = "middle") =>
  shape("text", { class: "tick", x, y: bottom + 20, "text-anchor": anchor }, text);

/** A path through points in pixels. */
export const through = (points) => `M${points.map((point) => point.map(pixel).join()).join("L")}`;

export const pixel = (value) => Math.round(value * 10) / 10;
