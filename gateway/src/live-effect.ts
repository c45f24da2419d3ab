/** How the prediction depends on one field of the formula while the others stand still. */

import { z } from "zod";
import type { Ask } from "./client.ts";
import { answer, type Field, type Summary, type View } from "./live-view.ts";

const POINTS_OF_LINE = 25;
const MOST_LEVELS = 12;
/** Tukey's outer fences: what lies further than so many interquartile ranges outside is far out. */
const FENCE = 3;

const NOT_SEEN = { mean: null, min: null, "25%": null, "50%": null, "75%": null, max: null };

const Prediction = z.object({
  prediction: z.number(),
  interval: z.object({ low: z.number(), high: z.number() }).optional(),
});

export type Range = [number, number];
type Value = number | string | boolean;

export interface Point {
  /** A number, or a level's name. */
  x: number | string;
  y: number;
  low: number | null;
  high: number | null;
}

export interface Effect {
  /** The field; null if the formula has none. */
  over: string | null;
  /** Over the field's range, or one for each of its most frequent levels. */
  points: Point[];
  /** What the target's values lie between, without those far out; null if it is no field. */
  range: Range | null;
}

/** The field that is meant: the one that is named, else the formula's first number, else its first. */
export function choose({ features: { needed }, summary }: View, named?: string): string | null {
  if (named !== undefined && needed.includes(named)) return named;
  return needed.find((name) => summary[name]?.levels === undefined) ?? needed[0] ?? null;
}

/** Predictions over a field, other numbers at their medians, categories at their reference. */
export async function effect(ask: Ask, view: View, over: string | null): Promise<Effect> {
  const { summary, target } = view;
  const range = within(summary[target]);
  const still = over === null ? null : held(view.features.needed, summary);
  if (over === null || still === null) return { over, points: [], range };
  const points = await Promise.all(
    values(summary[over]).map(async (value) => {
      const features = { ...still, [over]: value };
      const { prediction: y, interval } = await answer(ask, "predict", features, Prediction);
      const x = typeof value === "boolean" ? String(value) : value;
      return { x, y, low: interval?.low ?? null, high: interval?.high ?? null };
    }),
  );
  return { over, points, range };
}

/** Null if one of the fields was never seen. */
function held(names: readonly string[], summary: Summary): Record<string, Value> | null {
  const still: Record<string, Value> = {};
  for (const name of names) {
    const { mean, levels, "50%": median }: Field = summary[name] ?? NOT_SEEN;
    const value = levels === undefined ? (median ?? mean) : given(summary[name], Object.keys(levels)[0] ?? "");
    if (value === null) return null;
    still[name] = value;
  }
  return still;
}

function values(field: Field | undefined): Value[] {
  if (field?.levels !== undefined) {
    const seen = Object.entries(field.levels).filter(([, n]) => n > 0);
    const counted = seen.sort(([, a], [, b]) => b - a);
    const frequent = new Set(counted.slice(0, MOST_LEVELS).map(([level]) => level));
    const declared = Object.keys(field.levels);
    return declared.filter((it) => frequent.has(it)).map((level) => given(field, level));
  }
  const range = within(field);
  if (range === null) return [];
  const [low, high] = range;
  const step = (high - low) / (POINTS_OF_LINE - 1);
  return Array.from({ length: POINTS_OF_LINE }, (_, i) => low + i * step);
}

/** A level as a question gives it; a boolean has figures beside its levels. */
const given = (field: Field | undefined, level: string): string | boolean =>
  typeof field?.mean === "number" ? level === "true" : level;

/** From the least to the largest value, without those far out: one of them would flatten the picture. */
function within(field: Field | undefined): Range | null {
  const { min, max, "25%": lower, "75%": upper } = field ?? NOT_SEEN;
  if (min === null || max === null) return null;
  if (lower === null || upper === null || lower === upper) return [min, max];
  const margin = FENCE * (upper - lower);
  return [Math.max(min, lower - margin), Math.min(max, upper + margin)];
}
