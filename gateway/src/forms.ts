/** Query strings and forms to parameters. Pure. */

import type { Params } from "./client.ts";
import { AT_LEAST } from "./positions.ts";
import { Problem } from "./problem.ts";

const TEXTS: ReadonlySet<string> = new Set(["formula", AT_LEAST]);
const NUMBER = /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * A query's parameters: text that is true, false or a number becomes that, except for the formula
 * and positions.
 *
 * Other text stays text, for the service to refuse.
 *
 * @throws {Problem} A parameter is given twice.
 */
export function readQuery(query: URLSearchParams): Params {
  const params = new Map<string, unknown>();
  for (const [name, text] of query) {
    if (params.has(name)) throw new Problem("bad-params", "a parameter is given twice");
    params.set(name, TEXTS.has(name) ? text : valueOr(text));
  }
  return Object.fromEntries(params);
}

/**
 * The prototype's positional form, `data[]=3.14&data[]=34.6&...`, to an event.
 *
 * @throws {Problem} It has other members, or not one value for each field.
 */
export function readForm(form: string, fields: readonly string[]): Params {
  const pairs = [...new URLSearchParams(form)];
  if (pairs.length !== fields.length || pairs.some(([name]) => name !== "data[]"))
    throw new Problem("bad-shape", `expected data[] ${fields.length} times: ${fields.join(", ")}`);
  return Object.fromEntries(fields.map((field, i) => [field, numberOr(pairs[i]?.[1] ?? "")]));
}

function valueOr(text: string): boolean | number | string {
  return text === "true" || text === "false" ? text === "true" : numberOr(text);
}

function numberOr(text: string): number | string {
  return NUMBER.test(text) ? Number(text) : text;
}
