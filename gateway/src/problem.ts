/** Errors as clients see them: problem details for HTTP APIs (RFC 9457). */

import { STATUS_CODES } from "node:http";

/** Each code's HTTP status. The first ones are the service's own (contract/messages.py, ErrorCode);
 * those after `internal` are the gateway's. */
const STATUS = {
  "unreadable": 502,
  "no-value": 422,
  "too-large": 413,
  "bad-json": 400,
  "bad-shape": 422,
  "missing-field": 422,
  "not-a-number": 422,
  "not-a-level": 422,
  "not-a-boolean": 422,
  "not-a-time": 422,
  "out-of-range": 422,
  "undefined": 422,
  "too-many-gaps": 422,
  "bad-id": 422,
  // Of an id: what came before does not go with it.
  "conflicting-event": 409,
  "orphan-label": 409,
  "late-label": 409,
  "conflicting-label": 409,
  "unknown-method": 502,
  "bad-params": 422,
  "unknown-field": 422,
  "bad-formula": 422,
  "not-kept": 422,
  // The question is valid, but the data learned so far cannot answer it.
  "too-few-events": 409,
  "constant-field": 409,
  "collinear-field": 409,
  "bad-reply-address": 502,
  // The caller should have given up; or the clocks differ, which the detail says.
  "expired": 504,
  "not-learned": 503,
  // The model did not reach the positions of at_least in the caller's time.
  "not-yet": 504,
  "internal": 502,

  "unauthorized": 401,
  "not-found": 404,
  "method-not-allowed": 405,
  "not-acceptable": 406,
  "unsupported-media-type": 415,
  "too-slow": 408,
  "too-many-requests": 429,
  "bad-request": 400,
  "gateway-fault": 500,
  "kafka-away": 503,
  "timeout": 504,
} as const;

const RETRY_AFTER_SECONDS = "1";

export type Code = keyof typeof STATUS;

/** Whether the value is the code of an error reply. */
export function isCode(word: unknown): word is Code {
  return typeof word === "string" && Object.hasOwn(STATUS, word);
}

/** An error with a code for programs and a sentence for people. */
export class Problem extends Error {
  readonly code: Code;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  /** Of not-yet: the positions reached, by partition. */
  readonly positions: unknown;

  constructor(
    code: Code,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
    positions?: unknown,
  ) {
    super(detail);
    this.name = "Problem";
    this.code = code;
    this.status = STATUS[code];
    this.positions = positions;
    const later = this.status === 429 || this.status === 503;
    this.headers = later ? { "Retry-After": RETRY_AFTER_SECONDS, ...headers } : headers;
  }

  /** The body of the response, `application/problem+json`. */
  toJSON(): Record<string, unknown> {
    return {
      type: `urn:riverline:problem:${this.code}`,
      title: STATUS_CODES[this.status] ?? "",
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(this.positions === undefined ? {} : { positions: this.positions }),
    };
  }
}
