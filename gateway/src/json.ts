/** JSON encoding and decoding, with the service's rules for numbers. */

import { Problem } from "./problem.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A value as JSON's bytes.
 *
 * @throws {Problem} A number is not finite (JSON would write null), or it is nested too deeply.
 */
export function encode(value: unknown): Buffer {
  try {
    return Buffer.from(JSON.stringify(value, finite));
  } catch (error) {
    if (error instanceof RangeError) throw new Problem("bad-json", "the JSON is nested too deeply");
    throw error;
  }
}

/**
 * JSON's bytes to a value.
 *
 * @throws {Problem} They are not JSON in UTF-8.
 */
export function decode(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (error) {
    throw new Problem("bad-json", `not JSON: ${error instanceof Error ? error.message : ""}`);
  }
}

/** Whether a value is a JSON object, not null or an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function finite(key: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value))
    throw new Problem("out-of-range", `${key.slice(0, 64)} is out of the range of a double`);
  return value;
}
