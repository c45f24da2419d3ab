// How often outcomes fell into their own prediction intervals, beside how often they should have.

import { horizontal, shape, titled } from "./chart.js";
import { named } from "./levels.js";

const HALF_PIXELS = 11; // of a mark's height

/** The shapes of levels, each `{level, all, recent}`, shares of outcomes; null where there is none. */
export function calibration(levels, whole) {
  const size = titled(whole);
  const { scale, shapes } = horizontal(0, 100, size, "outcomes inside, %");
  const names = levels.map(({ level }) => `${percent(level)} % interval`);
  const { middle, shapes: lines } = named(names, size);
  shapes.push(...lines);
  levels.forEach(({ level, all, recent }, number) => {
    const [x, y] = [scale(100 * level), middle(number)];
    shapes.push(shape("path", { class: "promised", d: `M${x},${y - HALF_PIXELS}V${y + HALF_PIXELS}` }));
    for (const [name, share] of [["estimate", all], ["recently", recent]])
      if (share !== null) shapes.push(shape("circle", { class: name, cx: scale(100 * share), cy: y, r: 5 }));
  });
  return shapes;
}

/** The levels of `train`'s calibration, with the shares of all outcomes and of the recent ones. */
export function shares({ n, levels, recent }) {
  const share = (count, of) => (of ? count / of : null);
  return levels.map(({ level, covered }, i) => ({
    level,
    all: share(covered, n),
    recent: share(recent.levels[i].covered, recent.n),
  }));
}

export const percent = (share) => Math.round(1000 * share) / 10;
