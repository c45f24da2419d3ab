/** Request bodies: only of the types that are due, bounded each and all together. */

import express, { type RequestHandler } from "express";
import { Problem } from "./problem.ts";

const MAX_BYTES_IN_FLIGHT = 32 * 1024 * 1024;

/** Bodies that are read, and events that Kafka has not acknowledged, in bytes. */
export class Admission {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Reserve a request's bytes before its body is read, until it is answered; 429 beyond that. */
  readonly admit = (limit: number): RequestHandler => {
    return (request, response, next) => {
      const { "content-length": length, "content-encoding": encoding } = request.headers;
      // What is compressed, or comes in chunks, may grow up to the limit.
      const declared = encoding === undefined ? Number(length ?? limit) : limit;
      if (declared > limit) throw new Problem("too-large", `a body has at most ${limit} bytes`);
      if (this.#bytes + declared > MAX_BYTES_IN_FLIGHT)
        throw new Problem("too-many-requests", "too many bytes are in flight");
      this.#bytes += declared;
      response.on("close", () => {
        this.#bytes -= declared;
      });
      next();
    };
  };
}

/** Read a body of one of these media types into `request.body`, a Buffer. */
export function readBody(types: readonly string[], limit: number): RequestHandler[] {
  return [
    (request, _, next) => {
      const known = request.is([...types]);
      // `is` gives null for a request without a body: its type says nothing then.
      if (known === null) throw new Problem("bad-json", "the request has no body");
      if (known === false)
        throw new Problem("unsupported-media-type", `a body is due in ${types.join(" or ")}`, {
          "Accept-Post": types.join(", "),
        });
      next();
    },
    express.raw({ type: () => true, limit }),
  ];
}
