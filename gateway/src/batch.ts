/** Many events in one body: a JSON array, or a JSON object on each line. Pure. */

import { decode, encode, isObject } from "./json.ts";
import { Problem } from "./problem.ts";

/** A batch is one record batch in Kafka, which takes it as a whole or not at all: with some 15 bytes
 * of overhead for each value it fits into 1 MiB, the events topic's limit. */
export const MAX_BATCH_BYTES = 800_000;
export const MAX_BATCH_EVENTS = 10_000;

const NEWLINE = 0x0a;

/**
 * A JSON array's events, each as the value of a record.
 *
 * @throws {Problem} It is not an array of objects, or too large.
 */
export function readArray(body: Buffer): Buffer[] {
  const events = decode(body);
  if (!Array.isArray(events)) throw new Problem("bad-shape", "expected a JSON array of events");
  limit(events.length);
  const values = events.map((event, i) => {
    if (!isObject(event)) throw new Problem("bad-shape", `event ${i + 1} is not a JSON object`);
    return at(`event ${i + 1}`, () => encode(event));
  });
  // A number may be longer when it is encoded again: 1e20.
  const bytes = values.reduce((sum, value) => sum + value.length, 0);
  if (bytes > MAX_BATCH_BYTES)
    throw new Problem("too-large", `${bytes} bytes of events; the limit is ${MAX_BATCH_BYTES}`);
  return values;
}

/**
 * The events of newline-delimited JSON, each line's bytes unchanged; empty lines are skipped.
 *
 * @throws {Problem} A line is not a JSON object, or there are too many.
 */
export function readLines(body: Buffer): Buffer[] {
  const values: Buffer[] = [];
  let line = 0;
  for (let start = 0; start < body.length; ) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline < 0 ? body.length : newline;
    const value = body.subarray(start, end);
    start = end + 1;
    line += 1;
    if (/^[ \t\r]*$/.test(value.toString("latin1"))) continue;
    if (!isObject(at(`line ${line}`, () => decode(value))))
      throw new Problem("bad-shape", `line ${line} is not a JSON object`);
    values.push(value);
    limit(values.length);
  }
  return values;
}

function limit(count: number): void {
  if (count > MAX_BATCH_EVENTS)
    throw new Problem("too-large", `more than ${MAX_BATCH_EVENTS} events in a batch`);
}

/** Prefix a problem with its place in the batch. */
function at<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Problem)
      throw new Problem(error.code, `${place}: ${error.message}`);
    throw error;
  }
}
