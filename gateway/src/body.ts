/** Request bodies: only of expected types, limited in size each and in total, and in time. */

import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { Request, RequestHandler } from "express";
import { Problem } from "./problem.ts";

const MAX_BYTES_IN_FLIGHT = 32 * 1024 * 1024;

/** After the grace period a body must arrive at this rate, measured on the wire. */
const GRACE_MS = 3000;
const BYTES_A_SECOND = 8 * 1024;
const LOOK_MS = 500;

const DECODERS = new Map<string, () => NodeJS.ReadWriteStream & Readable>([
  ["gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
]);

/** Limits the bytes of request bodies in flight, until their responses have been sent. */
export class Admission {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Read a body of one of these media types into `request.body`, a Buffer. */
  readonly readBody = (types: readonly string[], limit: number): RequestHandler => {
    return async (request, response, next) => {
      expectType(request, types);
      const declared = Number(request.headers["content-length"] ?? 0);
      if (declared > limit) throw tooLarge(limit);
      if (this.#bytes + declared > MAX_BYTES_IN_FLIGHT) throw noRoom();
      // Bytes are counted as they arrive, not as announced: announcing costs nothing.
      let taken = 0;
      const take = (bytes: number): void => {
        if (this.#bytes + bytes > MAX_BYTES_IN_FLIGHT) throw noRoom();
        this.#bytes += bytes;
        taken += bytes;
      };
      response.on("close", () => {
        this.#bytes -= taken;
      });
      request.body = await inTime(request, collect(decoded(request), limit, take));
      next();
    };
  };
}

function expectType(request: Request, types: readonly string[]): void {
  const known = request.is([...types]);
  // `is` returns null for a request without a body.
  if (known === null) throw new Problem("bad-json", "the request has no body");
  if (known === false)
    throw new Problem("unsupported-media-type", `expected a body of type ${types.join(" or ")}`, {
      "Accept-Post": types.join(", "),
    });
}

function decoded(request: Request): Readable {
  const encoding = request.headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (encoding === "identity") return request;
  const decoder = DECODERS.get(encoding)?.();
  if (decoder === undefined)
    throw new Problem("unsupported-media-type", "a body may be encoded in gzip, deflate or br");
  request.on("error", (error) => decoder.destroy(error));
  return request.pipe(decoder);
}

async function collect(stream: Readable, limit: number, take: (bytes: number) => void): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // Destroying the stream would close the connection before the answer.
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      take(chunk.length);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem("bad-request", "the body cannot be read in full");
  }
  return Buffer.concat(chunks);
}

/** Wait for a body; refuse one that is too slow for too long, and close its connection. */
async function inTime(request: Request, body: Promise<Buffer>): Promise<Buffer> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const began = Date.now();
  const before = request.socket.bytesRead;
  const timer = setInterval(() => {
    const least = ((Date.now() - began - GRACE_MS) / 1000) * BYTES_A_SECOND;
    if (request.socket.bytesRead - before < least)
      reject(new Problem("too-slow", "the body arrives too slowly", { Connection: "close" }));
  }, LOOK_MS);
  body.catch(() => undefined); // it fails when the connection closes
  return Promise.race([body, late]).finally(() => {
    clearInterval(timer);
  });
}

function tooLarge(limit: number): Problem {
  return new Problem("too-large", `a body may have at most ${limit} bytes`, { Connection: "close" });
}

function noRoom(): Problem {
  return new Problem("too-many-requests", "too many bytes are in flight", { Connection: "close" });
}
