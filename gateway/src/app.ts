/** The HTTP application: middleware and routes. */

import { fileURLToPath } from "node:url";
import express, {
  Router,
  type ErrorRequestHandler,
  type Express,
  type Request,
  type Response,
} from "express";
import helmet from "helmet";
import type { Logger } from "pino";
import { apiRouter, route } from "./api.ts";
import { bearer } from "./auth.ts";
import type { Appender } from "./appender.ts";
import type { Client } from "./client.ts";
import type { Health } from "./health.ts";
import { traceback } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { Problem, type Code } from "./problem.ts";
import { rateLimited } from "./rate-limit.ts";
import type { Settings } from "./settings.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** How long a sender whose body is refused may still send before the connection is closed. */
const LINGER_MS = 2000;

const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    objectSrc: ["'none'"],
  },
};

export function createApp(
  client: Client,
  events: Appender,
  health: Health,
  settings: Settings,
  metrics: Metrics,
  log: Logger,
  stopping: AbortSignal,
): Express {
  const app = express();
  app.set("query parser", false); // forms.ts reads queries
  app.set("etag", false);
  // The gateway itself speaks HTTP: it cannot know whether there is TLS in front of it.
  app.use(helmet({ contentSecurityPolicy: CONTENT_SECURITY_POLICY, strictTransportSecurity: false }));
  app.use((_, response, next) => {
    if (stopping.aborted) response.set("Connection", "close");
    next();
  });
  app.use(operations(client, health, metrics));
  if (settings.GATEWAY_TOKEN !== undefined) app.use("/v1", bearer(settings.GATEWAY_TOKEN));
  app.use(apiRouter(client, events, settings, metrics, stopping));
  app.use(metrics.observe("other"), express.static(`${ROOT}public`));
  app.use(() => {
    throw new Problem("not-found", "there is nothing at this path");
  });
  app.use(report(log));
  return app;
}

/** The operational endpoints. */
function operations(client: Client, health: Health, metrics: Metrics): Router {
  const router = Router();
  route(router, metrics, "/healthz", {
    get: [
      (_, response) => {
        client.check();
        response.json({ status: "ok" });
      },
    ],
  });
  route(router, metrics, "/readyz", {
    get: [
      (_, response) => {
        const { ready, ...readiness } = health.look();
        response.status(ready ? 200 : 503).json(readiness);
      },
    ],
  });
  route(router, metrics, "/metrics", {
    get: [
      async (_, response) => {
        response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
      },
    ],
  });
  route(router, metrics, "/openapi.yaml", {
    get: [
      (_, response) => {
        response.type("application/yaml").sendFile(`${ROOT}openapi.yaml`);
      },
    ],
  });
  return router;
}

function report(log: Logger): ErrorRequestHandler {
  const tell = rateLimited((passedOver, err: unknown, path: string) => {
    log.error({ path, unsaid: passedOver, exception: traceback(err) }, "internal error");
  });
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      response.destroy(); // too late for a status
      next();
      return;
    }
    const problem = asProblem(error);
    if (problem.code === "gateway-fault") tell(error, request.path);
    response.status(problem.status).set(problem.headers).type("application/problem+json");
    const body = JSON.stringify(problem);
    if (problem.code !== "too-slow" && response.get("Connection") === "close" && !request.complete)
      sendBeforeTheEnd(request, response, body);
    else response.send(body);
  };
}

/** Answer while the client is still sending; close when it has finished, or after LINGER_MS.
 *
 * If the connection is closed while the client sends, it may lose the answer (RFC 9112, 9.6).
 */
function sendBeforeTheEnd(request: Request, response: Response, body: string): void {
  response.set("Content-Length", String(Buffer.byteLength(body)));
  response.write(body);
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.once("close", end);
  request.unpipe().resume();
}

/** Express and its parsers report a bad request by a status. */
function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { status, message } = error as { status?: number; message?: string };
  const codes: Record<number, Code> = {
    404: "not-found",
    413: "too-large",
    415: "unsupported-media-type",
  };
  if (status === undefined || status >= 500)
    return new Problem("gateway-fault", "the gateway is at fault, not the request");
  return new Problem(codes[status] ?? "bad-request", message ?? "");
}
