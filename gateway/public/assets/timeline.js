// Figures over the last minutes.

import { inner, shape, through, tick, vertical } from "./chart.js";
import { ceiling, linear, ticks } from "./scale.js";

const MINUTE = 60_000;
const GAP = 5_000; // between samples further apart nobody watched: no line is drawn

/** The shapes of `{samples, now, series: [{key, name}], title, filled}`; samples have an `at`. */
export function timeline({ samples, now, series, title, filled }, size) {
  const values = samples.flatMap((sample) => series.map(({ key }) => sample[key] ?? 0));
  const { scale: y, shapes } = vertical(0, ceiling(values), size, title);
  const minutes = Math.max(1, Math.ceil((now - samples[0].at) / MINUTE));
  const { x: across, y: [bottom] } = inner(size);
  const x = linear([-minutes * MINUTE, 0], across);
  shapes.push(...timeTicks(minutes, x, bottom));
  for (const { key, name } of series) {
    for (const piece of pieces(samples, key)) {
      const points = piece.map((sample) => [x(sample.at - now), y(sample[key])]);
      if (filled) {
        const area = [...points, [points.at(-1)[0], bottom], [points[0][0], bottom]];
        shapes.push(shape("path", { class: "band", d: `${through(area)}Z` }));
      }
      shapes.push(shape("path", { class: name, d: through(points) }));
    }
  }
  return shapes;
}

/** The runs of samples that have the figure and lie close together. */
function pieces(samples, key) {
  const runs = [];
  let before;
  for (const sample of samples) {
    if (sample[key] === null) continue;
    if (before && sample.at - before.at < GAP) runs.at(-1).push(sample);
    else runs.push([sample]);
    before = sample;
  }
  return runs;
}

function timeTicks(minutes, x, bottom) {
  const step = minutes === 1 ? MINUTE / 4 : MINUTE;
  return ticks(-minutes * MINUTE, 0, step).map((time, index, all) => {
    const anchor = index === 0 ? "start" : index === all.length - 1 ? "end" : "middle";
    const text = minutes === 1 ? `${-time / 1000} s` : `${-time / MINUTE} min`;
    return tick(x(time), bottom, time === 0 ? "now" : text, anchor);
  });
}
