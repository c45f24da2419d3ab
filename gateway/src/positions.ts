/** Positions that an answer must include, as HTTP carries them: `2:1234,0:77`. Pure. */

import type { Params } from "./client.ts";
import { isObject } from "./json.ts";
import { Problem } from "./problem.ts";

/** The header of a question that asks for positions, and of a response that gives them. */
export const HEADER = "Riverline-At-Least";
/** The parameter of a question, and the member of a reply to learn (contract/messages.py). */
export const AT_LEAST = "at_least";

const ENTRY = /^\s*(\d{1,10}):(\d{1,16})\s*$/;

/** By partition of the events topic, the offset after the last record that must be learned. */
export type Positions = Record<string, number>;

/** @throws {Problem} The text is written in another way. */
export function readPositions(text: string): Positions {
  const positions = new Map<string, number>();
  for (const entry of text.split(",")) {
    const [, partition, position] = ENTRY.exec(entry) ?? [];
    if (partition === undefined || positions.has(partition) || !Number.isSafeInteger(Number(position)))
      throw new Problem("bad-params", `${AT_LEAST}: expected PARTITION:POSITION,..., each partition once`);
    positions.set(partition, Number(position));
  }
  return Object.fromEntries(positions);
}

export function writePositions(positions: Positions): string {
  return Object.entries(positions)
    .map(([partition, position]) => `${partition}:${position}`)
    .join(",");
}

/**
 * A question's parameters with the positions of its header, or with those of its query as an object.
 *
 * @throws {Problem} They are written in another way, or given twice.
 */
export function bounded(params: Params, header: string | undefined): Params {
  const given = params[AT_LEAST];
  if (header !== undefined && given !== undefined)
    throw new Problem("bad-params", `${AT_LEAST} is given twice: as ${HEADER} and as a parameter`);
  const text = header ?? given;
  return typeof text === "string" ? { ...params, [AT_LEAST]: readPositions(text) } : params;
}

/** The positions that a reply tells to ask with, if it does. */
export function toldBy(reply: Readonly<Record<string, unknown>>): Positions | undefined {
  const positions = reply[AT_LEAST];
  return isObject(positions) ? (positions as Positions) : undefined;
}
