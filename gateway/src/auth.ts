/** The optional bearer token. */

import { createHash, timingSafeEqual } from "node:crypto";
import type { RequestHandler } from "express";
import { Problem } from "./problem.ts";

/** Let through whoever has the token; digests have equal lengths, so time tells nothing of it. */
export function bearer(token: string): RequestHandler {
  const due = digest(token);
  return (request, _, next) => {
    const given = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (given === undefined || !timingSafeEqual(digest(given), due))
      throw new Problem("unauthorized", "a bearer token is required", { "WWW-Authenticate": "Bearer" });
    next();
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
