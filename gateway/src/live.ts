/** The page's live data: one loop for all watchers, stopped while there are none. */

import { setTimeout as delay } from "node:timers/promises";
import { Router, type Response } from "express";
import type { Ask } from "./client.ts";
import { choose, effect, type Effect } from "./live-effect.ts";
import { History } from "./live-history.ts";
import { look } from "./live-view.ts";
import { Problem } from "./problem.ts";

const PERIOD_MS = 1000;
const BEAT_MS = 5000;
const MAX_WATCHERS = 100;
const MAX_BEHIND_BYTES = 1024 * 1024;

const HEADERS = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store",
  "X-Accel-Buffering": "no", // otherwise nginx buffers the messages
};

/** `GET /v1/ia/live?over=FIELD`: server-sent events `state`, `trouble` and `beat`. */
export function liveRouter(ask: Ask): Router {
  const live = new Live(ask);
  return Router()
    .head("/v1/ia/live", (_, response) => {
      response.writeHead(200, HEADERS).end();
    })
    .get("/v1/ia/live", ({ url }, response) => {
      live.watch(response, new URLSearchParams(url.split("?")[1]).get("over") ?? "");
    });
}

class Live {
  readonly #ask: Ask;
  readonly #history = new History();
  /** Each with the field that its chart goes over; empty: whichever comes first. */
  readonly #watchers = new Map<Response, string>();
  #latest = new Map<string, string>();
  #running = false;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Send each message to a response until its connection ends. */
  watch(response: Response, over: string): void {
    if (this.#watchers.size >= MAX_WATCHERS)
      throw new Problem("too-many-requests", `${MAX_WATCHERS} pages are watching already`);
    response.on("close", () => this.#watchers.delete(response));
    response.writeHead(200, HEADERS);
    this.#watchers.set(response, over);
    response.write(`retry: 2000\n\n${this.#latest.get(over) ?? ""}`);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    // An event, not a comment: the page notices a dead connection by its absence.
    const beat = setInterval(() => {
      this.#tell(() => message("beat", {}));
    }, BEAT_MS);
    while (this.#watchers.size > 0) {
      const next = delay(PERIOD_MS);
      this.#latest = await this.#see();
      this.#tell((over) => this.#latest.get(over) ?? ""); // who has just come waits for the next
      await next;
    }
    clearInterval(beat);
    this.#latest.clear();
    this.#running = false;
  }

  /** The current state of the model, or why it is not available, for each field that is asked for. */
  async #see(): Promise<Map<string, string>> {
    const wanted = [...new Set(this.#watchers.values())];
    try {
      const at = Date.now();
      const view = await look(this.#ask);
      const { events, prequential } = view.regression;
      const history = this.#history.add(at, events, prequential);
      const chosen = wanted.map((named) => choose(view, named));
      const effects = new Map<string | null, Effect>();
      for (const over of new Set(chosen)) effects.set(over, await effect(this.#ask, view, over));
      const state = { at, ...view, history };
      const said = chosen.map((over) => message("state", { ...state, effect: effects.get(over) }));
      return new Map(wanted.map((named, i) => [named, said[i] ?? ""]));
    } catch (error) {
      const { code, message: words } = error as Problem; // ask rejects with nothing else
      return new Map(wanted.map((named) => [named, message("trouble", { code, message: words })]));
    }
  }

  #tell(text: (over: string) => string): void {
    for (const [watcher, over] of this.#watchers) {
      // A watcher that does not keep up is dropped; its page reconnects and sees the newest state.
      if (watcher.writableLength > MAX_BEHIND_BYTES) watcher.destroy();
      else watcher.write(text(over));
    }
  }
}

function message(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
