/** The optional bearer token. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { RequestHandler } from "express";
import { Problem } from "./problem.ts";

/** Require the token; digests of equal length are compared in constant time. */
export function bearer(token: string): RequestHandler {
  const expected = digest(token);
  return (request, _, next) => {
    const given = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (given === undefined || !timingSafeEqual(digest(given), expected))
      throw new Problem("unauthorized", "a bearer token is required", { "WWW-Authenticate": "Bearer" });
    next();
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
