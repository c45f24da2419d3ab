/** What the page shows, from the same requests that any client can send. */

import { z } from "zod";
import type { Ask, Method, Params } from "./client.ts";
import { Problem } from "./problem.ts";

const NEWEST = 200;
const INTERCEPT = "Intercept";
/** After a field's name: the boolean that tells whether an event lacks it; questions do not give it. */
const INDICATED = ".missing";

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
/** A number's figures, null if no event has it; a category's levels, the reference first; or both. */
const Field = z.object({
  mean: figure,
  min: figure,
  "25%": figure,
  "50%": figure,
  "75%": figure,
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

export type Field = z.infer<typeof Field>;
export type Summary = Record<string, Field>;

export interface View extends z.infer<typeof Description> {
  regression: z.infer<typeof Regression>;
  target: string;
  /** What a question may give: the fields that the formula is made of, in its order; the others. */
  features: { needed: string[]; others: string[] };
}

/** Query the model once. Rejects as `ask` does. */
export async function look(ask: Ask): Promise<View> {
  const [regression, description] = await Promise.all([
    answer(ask, "train", {}, Regression),
    answer(ask, "describe", { recent: NEWEST }, Description),
  ]);
  const target = regression.formula.replace(/\s*~.*$/, "");
  const terms = Object.keys(regression.coefficients).filter((name) => name !== INTERCEPT);
  return { ...description, regression, target, features: features(terms, target, description.summary) };
}

function features(terms: readonly string[], target: string, summary: Summary): View["features"] {
  const given = Object.keys(summary).filter((name) => !isIndicator(name, summary));
  const needed = terms.flatMap((term) => given.filter((name) => isOf(term, name)));
  return {
    needed: [...new Set(needed)],
    others: given.filter((name) => !needed.includes(name) && !isOf(target, name)),
  };
}

const isIndicator = (name: string, summary: Summary): boolean =>
  name.endsWith(INDICATED) && name.slice(0, -INDICATED.length) in summary;

/** Whether a term, such as `log(price)` or `price:os[T.Android]`, is made of a field. */
function isOf(term: string, name: string): boolean {
  const levels = /\[[^\]]*\]/g;
  return [name, name + INDICATED].some((word) => holds(term.replaceAll(levels, ""), word));
}

function holds(term: string, name: string): boolean {
  const at = term.indexOf(name);
  if (at < 0) return false;
  const around = (term[at - 1] ?? " ") + (term[at + name.length] ?? " ");
  return !/[A-Za-z0-9_.]/.test(around) || holds(term.slice(at + 1), name);
}

/** An answer of the shape that is expected. Rejects as `ask` does. */
export async function answer<T>(
  ask: Ask,
  method: Method,
  params: Params,
  schema: z.ZodType<T>,
): Promise<T> {
  const parsed = schema.safeParse(await ask(method, params));
  if (!parsed.success)
    throw new Problem("internal", `unexpected reply to ${method}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
