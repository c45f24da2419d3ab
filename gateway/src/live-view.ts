/** What the page shows, from the same requests that any client can send. */

import { z } from "zod";
import type { Ask, Method, Params } from "./client.ts";
import { Problem } from "./problem.ts";

const NEWEST = 200;
const POINTS_OF_LINE = 25;
const INTERCEPT = "Intercept";

/** Figures that are not defined yet are absent. */
const figure = z
  .number()
  .nullish()
  .transform((value) => value ?? null);
const Regression = z.looseObject({
  formula: z.string(),
  events: z.number(),
  coefficients: z.record(z.string(), z.looseObject({ coef: z.number() })),
  prequential: z.looseObject({ mae: figure, rmse: figure, recent: z.looseObject({ rmse: figure }) }),
});
const Description = z.object({
  summary: z.record(z.string(), z.object({ mean: z.number(), min: z.number(), max: z.number() })),
  recent: z.object({ fields: z.array(z.string()), rows: z.array(z.array(z.number())) }),
});
const Prediction = z.object({
  prediction: z.number(),
  interval: z.object({ low: z.number(), high: z.number() }).optional(),
});

type Description = z.infer<typeof Description>;

interface PointOfLine {
  x: number;
  y: number;
  low: number | null;
  high: number | null;
}

export interface View extends Description {
  regression: z.infer<typeof Regression>;
  target: string;
  /** The x axis: the formula's first term; null if it has none. */
  term: string | null;
  line: PointOfLine[];
}

/** Query the model once. Rejects as `ask` does. */
export async function look(ask: Ask): Promise<View> {
  const [regression, description] = await Promise.all([
    answer(ask, "train", {}, Regression),
    answer(ask, "describe", { recent: NEWEST }, Description),
  ]);
  const target = regression.formula.replace(/\s*~.*$/, "");
  const terms = Object.keys(regression.coefficients).filter((name) => name !== INTERCEPT);
  const line = await Promise.all(
    alongTheFirst(terms, description.summary).map(async ([x, features]) => {
      const { prediction: y, interval } = await answer(ask, "predict", features, Prediction);
      return { x, y, low: interval?.low ?? null, high: interval?.high ?? null };
    }),
  );
  return { ...description, regression, target, term: terms[0] ?? null, line };
}

/** Points over the range of the first term, the others at their means: its value, all features. */
export function alongTheFirst(
  terms: readonly string[],
  summary: Description["summary"],
): [number, Record<string, number>][] {
  const means = Object.fromEntries(
    Object.entries(summary)
      .filter(([name]) => terms.includes(name))
      .map(([name, { mean }]) => [name, mean]),
  );
  const [term = ""] = terms;
  const range = summary[term];
  if (range === undefined) return [];
  const step = (range.max - range.min) / (POINTS_OF_LINE - 1);
  return Array.from({ length: POINTS_OF_LINE }, (_, i) => {
    const x = range.min + i * step;
    return [x, { ...means, [term]: x }];
  });
}

async function answer<T>(ask: Ask, method: Method, params: Params, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await ask(method, params));
  if (!parsed.success)
    throw new Problem("internal", `unexpected reply to ${method}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
