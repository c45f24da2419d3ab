/** Request bodies: only of the types that are due, bounded each and all together, and in time. */

import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { Request, RequestHandler } from "express";
import { Problem } from "./problem.ts";

const MAX_BYTES_IN_FLIGHT = 32 * 1024 * 1024;

/** A body may begin slowly; then so many bytes are due each second, as they are on the wire. */
const GRACE_MS = 3000;
const BYTES_A_SECOND = 8 * 1024;
const LOOK_MS = 500;

const DECODERS = new Map<string, () => NodeJS.ReadWriteStream & Readable>([
  ["gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
]);

/** Bodies that are read, and events that Kafka has not acknowledged, in bytes. */
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
      // What has come is counted, and not what is announced: to announce costs nothing.
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
  // `is` gives null for a request without a body: its type says nothing then.
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
    // A stream that is destroyed would take the connection with it, and the answer.
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      take(chunk.length);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem("bad-request", "the body cannot be read to its end");
  }
  return Buffer.concat(chunks);
}

/** Wait for a body; one that comes too slowly for too long is refused, and its connection ends. */
async function inTime(request: Request, body: Promise<Buffer>): Promise<Buffer> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const began = Date.now();
  const before = request.socket.bytesRead;
  const timer = setInterval(() => {
    const due = ((Date.now() - began - GRACE_MS) / 1000) * BYTES_A_SECOND;
    if (request.socket.bytesRead - before < due)
      reject(new Problem("too-slow", "the body comes too slowly", { Connection: "close" }));
  }, LOOK_MS);
  body.catch(() => undefined); // it ends with the connection when it is late
  return Promise.race([body, late]).finally(() => {
    clearInterval(timer);
  });
}

function tooLarge(limit: number): Problem {
  return new Problem("too-large", `a body has at most ${limit} bytes`, { Connection: "close" });
}

function noRoom(): Problem {
  return new Problem("too-many-requests", "too many bytes are in flight", { Connection: "close" });
}
