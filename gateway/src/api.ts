/** The routes under /v1/ia: from HTTP requests to questions and events. */

import { Router, type Request, type RequestHandler, type Response } from "express";
import type { Appender } from "./appender.ts";
import { MAX_BATCH_BYTES, readArray, readLines } from "./batch.ts";
import { Admission } from "./body.ts";
import type { Ask, Client, Params } from "./client.ts";
import { readForm, readQuery } from "./forms.ts";
import { decode, isObject } from "./json.ts";
import { liveRouter } from "./live.ts";
import type { Metrics } from "./metrics.ts";
import { AT_LEAST, bounded, HEADER, toldBy, writePositions, type Positions } from "./positions.ts";
import { Problem } from "./problem.ts";
import type { Settings } from "./settings.ts";
import { renderTable } from "./table.ts";
import { readTrace, recordHeaders } from "./trace.ts";

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";
const LINES_TYPE = "application/x-ndjson";

// The largest request that the service reads, less room for the method's name.
const MAX_QUESTION_BYTES = 255 * 1024;

/** The methods of one path; any other is answered with 405 and the Allow header. */
export interface Methods {
  get?: RequestHandler[];
  post?: RequestHandler[];
}

/** Put a path's methods on a router, counted and timed under the path's name. */
export function route(router: Router, metrics: Metrics, path: string, methods: Methods): void {
  const at = router.route(path);
  at.all(metrics.observe(path));
  if (methods.get) at.get(...methods.get);
  if (methods.post) at.post(...methods.post);
  const names = [...(methods.get ? ["GET", "HEAD"] : []), ...(methods.post ? ["POST"] : [])];
  at.all(refuseMethod(names.join(", ")));
}

function refuseMethod(allow: string): RequestHandler {
  return () => {
    throw new Problem("method-not-allowed", `the methods are ${allow}`, { Allow: allow });
  };
}

/** The HTTP API. */
export function apiRouter(
  client: Client,
  events: Appender,
  settings: Settings,
  metrics: Metrics,
  stopping: AbortSignal,
): Router {
  const router = Router();
  const admission = new Admission();
  metrics.inFlight("bytes", () => admission.bytes);
  const add = (path: string, methods: Methods) => {
    route(router, metrics, `/v1/ia${path}`, methods);
  };

  // The answer may change with every event.
  router.use("/v1/ia", (request, response, next) => {
    response.set({ "Cache-Control": "no-store", ...readTrace(request.headers) });
    next();
  });
  add("/predict", {
    get: [answer(client.ask, "predict", asked(query))],
    post: [
      admission.readBody([JSON_TYPE], MAX_QUESTION_BYTES),
      answer(client.ask, "predict", asked(object)),
    ],
  });
  add("/describe", { get: [answer(client.ask, "describe", asked(query))] });
  add("/train", { get: [train(client.ask)] });
  add("/learn", {
    post: [
      admission.readBody([JSON_TYPE, FORM_TYPE], MAX_QUESTION_BYTES),
      answer(client.ask, "learn", (request) => event(request, settings.FIELDS), 202),
    ],
  });
  add("/events", {
    post: [admission.readBody([JSON_TYPE, LINES_TYPE], MAX_BATCH_BYTES), accept(events)],
  });
  router.use("/v1/ia/live", metrics.observe("/v1/ia/live"), untilStop(stopping));
  router.use(liveRouter(client.ask));
  router.all("/v1/ia/live", refuseMethod("GET, HEAD"));
  return router;
}

function answer(
  ask: Ask,
  method: "predict" | "describe" | "learn",
  params: (request: Request) => Params,
  status = 200,
): RequestHandler {
  return async (request, response) => {
    const reply = await ask(method, params(request), readTrace(request.headers));
    tell(response, toldBy(reply));
    response.status(status).json(reply);
  };
}

function train(ask: Ask): RequestHandler {
  return async (request, response) => {
    const type = request.accepts(["json", "html"]);
    response.vary("Accept");
    if (type === false)
      throw new Problem("not-acceptable", `the table is available as ${JSON_TYPE} or text/html`);
    const table = await ask("train", asked(query)(request), readTrace(request.headers));
    if (type === "html") response.type("html").send(renderTable(table));
    else response.json(table);
  };
}

function accept(events: Appender): RequestHandler {
  return async (request, response) => {
    const bytes = request.body as Buffer;
    const values = request.is(LINES_TYPE) ? readLines(bytes) : readArray(bytes);
    events.check();
    const headers = new Map(recordHeaders(readTrace(request.headers)));
    const sent = values.map((value) => (headers.size > 0 ? { value, headers } : { value }));
    const positions = await events.send(sent);
    tell(response, positions);
    response.status(202).json({ accepted: values.length, [AT_LEAST]: positions });
  };
}

/** The parameters of a question, with the positions that its answer must include. */
function asked(params: (request: Request) => Params): (request: Request) => Params {
  return (request) => bounded(params(request), request.get(HEADER));
}

/** Tell the positions to ask with. */
function tell(response: Response, positions: Positions | undefined): void {
  if (positions !== undefined && Object.keys(positions).length > 0)
    response.set(HEADER, writePositions(positions));
}

/** End a stream when the gateway stops. */
function untilStop(stopping: AbortSignal): RequestHandler {
  return (_, response, next) => {
    const end = () => response.end();
    stopping.addEventListener("abort", end);
    response.on("close", () => {
      stopping.removeEventListener("abort", end);
    });
    next();
  };
}

function query(request: Request): Params {
  const [, search = ""] = /\?(.*)$/.exec(request.originalUrl) ?? [];
  return readQuery(new URLSearchParams(search));
}

function object(request: Request): Params {
  const value = decode(request.body as Buffer);
  if (!isObject(value)) throw new Problem("bad-shape", "expected a JSON object");
  return value;
}

function event(request: Request, fields: readonly string[]): Params {
  return request.is(FORM_TYPE)
    ? readForm((request.body as Buffer).toString(), fields)
    : object(request);
}
