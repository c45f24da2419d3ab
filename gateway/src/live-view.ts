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
/** A number's figures, null if no event has it; or a category's levels, the reference first. */
const Field = z.object({
  mean: figure,
  min: figure,
  max: figure,
  levels: z.record(z.string(), z.number()).optional(),
});
const Description = z.object({
  summary: z.record(z.string(), Field),
  outcomes: z.record(z.string(), z.number()).optional(),
  late_labels: z.looseObject({ waiting: z.number(), matched: z.number(), expired: z.number() }).optional(),
  last_refused: z.looseObject({ detail: z.string() }).optional(),
  recent: z.object({
    fields: z.array(z.string()),
    rows: z.array(z.array(z.union([z.number(), z.string(), z.null()]))),
  }),
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
  /** The x axis: the formula's first term that is a field; null if it has none. */
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
  const term = terms.find((name) => description.summary[name]?.levels === undefined && name in description.summary);
  const line = await Promise.all(
    alongTheFirst(terms, description.summary).map(async ([x, features]) => {
      const { prediction: y, interval } = await answer(ask, "predict", features, Prediction);
      return { x, y, low: interval?.low ?? null, high: interval?.high ?? null };
    }),
  );
  const { fields, rows } = description.recent;
  const drawn = [term ?? target, target].map((name) => fields.indexOf(name));
  const whole = rows.filter((row) => drawn.every((at) => typeof (row[at] ?? null) === "number"));
  return {
    ...description,
    recent: { fields, rows: whole },
    regression,
    target,
    term: term ?? null,
    line,
  };
}

/**
 * Points over the range of the first term that is a number, the others at their means, categories at
 * their reference: its value, all features.
 */
export function alongTheFirst(
  terms: readonly string[],
  summary: Description["summary"],
): [number, Record<string, number | string>][] {
  const needed = Object.entries(summary).filter(([name]) => terms.some((term) => uses(term, name)));
  const middle: Record<string, number | string> = {};
  for (const [name, { mean, levels }] of needed) {
    const value = levels === undefined ? mean : Object.keys(levels)[0];
    if (value === undefined || value === null) return [];
    middle[name] = value;
  }
  const term = terms.find((name) => typeof middle[name] === "number") ?? "";
  const { min, max } = summary[term] ?? {};
  if (typeof min !== "number" || typeof max !== "number") return [];
  const step = (max - min) / (POINTS_OF_LINE - 1);
  return Array.from({ length: POINTS_OF_LINE }, (_, i) => {
    const x = min + i * step;
    return [x, { ...middle, [term]: x }];
  });
}

/** Whether a term, such as `log(price)` or `price:os[T.Android]`, is made of a field. */
function uses(term: string, name: string): boolean {
  const at = term.indexOf(name);
  if (at < 0) return false;
  const around = (term[at - 1] ?? " ") + (term[at + name.length] ?? " ");
  return !/[A-Za-z0-9_.]/.test(around) || uses(term.slice(at + 1), name);
}

async function answer<T>(ask: Ask, method: Method, params: Params, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await ask(method, params));
  if (!parsed.success)
    throw new Problem("internal", `unexpected reply to ${method}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
