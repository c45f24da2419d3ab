import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import express from "express";
import type { Ask } from "../src/client.ts";
import { History } from "../src/live-history.ts";
import { choose, effect } from "../src/live-effect.ts";
import { look } from "../src/live-view.ts";
import { liveRouter } from "../src/live.ts";
import { Problem } from "../src/problem.ts";

const FIELDS = ["tv", "radio", "sales"];
const DEADLINE_MS = 15_000;
const NO_ERRORS = { mae: null, rmse: null, recent: { rmse: null } };

/** A service that has learned sales = 7 + 0.05 tv + 0.2 radio; it notes what it is asked. */
function service(asked: string[] = [], terms = ["tv", "radio"]): Ask {
  const slopes = new Map([["tv", 0.05], ["radio", 0.2]]);
  const coefficients = Object.fromEntries(
    ["Intercept", ...terms].map((name) => [name, { coef: slopes.get(name) ?? 7 }]),
  );
  const summary = {
    tv: { mean: 150, min: 0, max: 240 },
    radio: { mean: 20, min: 1, max: 50 },
    sales: { mean: 14, min: 2, max: 30 },
  };
  return (method, params) => {
    asked.push(method);
    if (method === "describe")
      return Promise.resolve({ summary, recent: { fields: FIELDS, rows: [[100, 20, 16]] } });
    if (method === "train") {
      const prequential = { mae: 1, rmse: 2, r2: 0.5, recent: { n: 9, rmse: 1.5 } };
      return Promise.resolve({ formula: "sales ~ it", events: 9, coefficients, prequential });
    }
    const { tv, radio } = params as { tv: number; radio: number };
    const prediction = 7 + 0.05 * tv + 0.2 * radio;
    return Promise.resolve({ prediction, interval: { low: prediction - 1, high: prediction + 1 } });
  };
}

test("the rate is that between two sights of the model", () => {
  const history = new History();
  assert.equal(history.add(1000, 50, NO_ERRORS)[0]?.rate, null);
  assert.equal(history.add(3000, 150, NO_ERRORS)[1]?.rate, 50);
});

test("an instance that lags behind the one before makes no negative rate", () => {
  const history = new History();
  history.add(1000, 50, NO_ERRORS);
  assert.equal(history.add(2000, 49, NO_ERRORS)[1]?.rate, 0);
});

test("the history is that of the last five minutes", () => {
  const history = new History();
  for (let second = 0; second < 1000; second++) history.add(second * 1000, second, NO_ERRORS);
  const samples = history.add(1_000_000, 1000, NO_ERRORS);
  assert.equal(samples.length, 300);
  assert.equal(samples[0]?.at, 701_000);
});

test("the line goes over the first field's range, the others where most events are", async () => {
  const ask = service();
  const view = await look(ask);
  const { over, points } = await effect(ask, view, choose(view));
  assert.deepEqual([over, view.target, points.length], ["tv", "sales", 25]);
  assert.deepEqual(points[0], { x: 0, y: 11, low: 10, high: 12 });
  assert.deepEqual(points.at(-1), { x: 240, y: 23, low: 22, high: 24 });
  assert.equal(choose(view, "radio"), "radio");
  assert.equal(choose(view, "sales"), "tv");
});

/** A service whose formula has a category, a boolean and a field with gaps; it notes the questions. */
function mixed(asked: Record<string, unknown>[]): Ask {
  const figures = { mean: 0.25, min: 0, "25%": 0, "50%": 0, "75%": 0.5, max: 1 };
  const summary = {
    revenue: { mean: 9, min: 1, "25%": 5, "50%": 8, "75%": 10, max: 1e9 },
    os: { levels: { iOS: 5, Android: 9, other: 0 } },
    premium: { ...figures, levels: { false: 9, true: 3 } },
    price: { mean: 1e8, min: 0, "25%": 4, "50%": 5, "75%": 6, max: 1e9 },
    "price.missing": { ...figures, levels: { false: 9, true: 3 } },
    unused: { mean: 1, min: 0, max: 2 },
  };
  const terms = ["os[T.Android]", "os[T.other]", "premium", "log(price)", "price.missing"];
  return (method, params) => {
    if (method === "predict") {
      asked.push(params);
      return Promise.resolve({ prediction: 1 });
    }
    if (method === "describe")
      return Promise.resolve({ summary, recent: { fields: [], rows: [] } });
    const coefficients = Object.fromEntries(terms.map((name) => [name, { coef: 1 }]));
    const prequential = { recent: {} };
    return Promise.resolve({ formula: "log(revenue) ~ it", events: 12, coefficients, prequential });
  };
}

test("what a question may give: the formula's fields, the others; no indicators, no target", async () => {
  const { features } = await look(mixed([]));
  assert.deepEqual(features, { needed: ["os", "premium", "price"], others: ["unused"] });
});

test("of a category each level that was seen is asked for, the other fields at their reference or median", async () => {
  const asked: Record<string, unknown>[] = [];
  const ask = mixed(asked);
  const { points } = await effect(ask, await look(ask), "os");
  assert.deepEqual(points.map(({ x }) => x), ["iOS", "Android"]);
  assert.deepEqual(asked[1], { os: "Android", premium: false, price: 5 });
});

test("a boolean is asked for as one", async () => {
  const asked: Record<string, unknown>[] = [];
  const ask = mixed(asked);
  const { points } = await effect(ask, await look(ask), "premium");
  assert.deepEqual(points.map(({ x }) => x), ["false", "true"]);
  assert.deepEqual(asked.map(({ premium }) => premium), [false, true]);
});

test("an outlier does not widen the chart", async () => {
  const ask = mixed([]);
  const { points } = await effect(ask, await look(ask), "price");
  assert.deepEqual([points[0]?.x, points.at(-1)?.x], [0, 12]);
});

test("of many levels the most frequent are shown, in their order", async () => {
  const levels = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`level ${i}`, i]));
  const ask = mixed([]);
  const view = await look(ask);
  const none = { mean: null, min: null, "25%": null, "50%": null, "75%": null, max: null };
  const os = { ...none, levels };
  const { points } = await effect(ask, { ...view, summary: { ...view.summary, os } }, "os");
  assert.deepEqual(points.map(({ x }) => x), Object.keys(levels).slice(28));
});

test("a figure that is not defined yet is null", async () => {
  const early: Ask = async (method, params) => {
    const reply = await service()(method, params);
    return method === "train" ? { ...reply, prequential: { recent: { n: 0 } } } : reply;
  };
  const { regression } = await look(early);
  assert.deepEqual(regression.prequential, { mae: null, rmse: null, recent: { n: 0, rmse: null } });
});

test("a formula without terms has no line", async () => {
  const ask = service([], []);
  const view = await look(ask);
  const { over, points } = await effect(ask, view, choose(view));
  assert.deepEqual([over, points], [null, []]);
});

test("a reply that is none is a problem, and names what is amiss", async () => {
  await assert.rejects(
    look(() => Promise.resolve({ formula: "sales ~ tv" })),
    (error) => error instanceof Problem && error.code === "internal" && error.message.includes("events"),
  );
});

/** An HTTP server with the live data alone. */
async function serving(context: TestContext, ask: Ask): Promise<{ url: string; server: Server }> {
  const server = createServer(express().set("env", "test").use(liveRouter(ask))).listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1/ia/live`, server };
}

/** Watch until the stream has said something that matches; the returned function ends it. */
async function watch(url: string, pattern: RegExp): Promise<{ text: string; leave: () => void }> {
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, AbortSignal.timeout(DEADLINE_MS)]);
  const { body } = await fetch(url, { signal });
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!pattern.test(text)) text += (await reader?.read())?.value ?? "";
  return { text, leave: () => { leaving.abort(); } };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, "not in time");
    await delay(20);
  }
}

test("all who watch share one loop", async (context) => {
  const asked: string[] = [];
  const { url } = await serving(context, service(asked));
  const watchers = await Promise.all([1, 2, 3].map(() => watch(url, /(state[^]*){2}\n\n/)));
  assert.ok(asked.filter((method) => method === "train").length <= 3);
  for (const { leave } of watchers) leave();
});

test("who comes later has the history at once", async (context) => {
  const { url } = await serving(context, service());
  const { leave } = await watch(url, /(event: state[^]*){2}\n\n/);
  const { text, leave: leaveToo } = await watch(url, /event: state[^]*\n\n/);
  const state = JSON.parse(/data: (.*)/.exec(text)?.[1] ?? "") as { history: unknown[] };
  assert.ok(state.history.length >= 2);
  leave();
  leaveToo();
});

test("while nobody watches, nothing is asked", async (context) => {
  let last = 0;
  const ask = service();
  const { url } = await serving(context, (method, params) => {
    last = Date.now();
    return ask(method, params);
  });
  (await watch(url, /event: state/)).leave();
  await until(() => Date.now() - last > 2500); // the loop's period is a second
  (await watch(url, /event: state/)).leave(); // and it begins again
});

test("why the model cannot be seen is said, until it can", async (context) => {
  let asked = 0;
  const ask = service();
  const { url } = await serving(context, (method, params) => {
    const away = new Problem("kafka-away", "Kafka is away");
    return ++asked <= 2 ? Promise.reject(away) : ask(method, params);
  });
  const { text, leave } = await watch(url, /event: state/);
  assert.match(text, /event: trouble\ndata: {"code":"kafka-away","message":"Kafka is away"}/);
  leave();
});

test("a hundred may watch, and one more may not", async (context) => {
  const { url } = await serving(context, service());
  const watchers = await Promise.all(Array.from({ length: 100 }, () => watch(url, /retry/)));
  assert.equal((await fetch(url)).status, 429);
  for (const { leave } of watchers) leave();
});

test("who does not read is let go", async (context) => {
  const ask = service();
  const rows = Array.from({ length: 200_000 }, () => [100.123, 20.456, 16.789]);
  const { url, server } = await serving(context, async (method, params) => {
    const reply = await ask(method, params);
    return method === "describe" ? { ...reply, recent: { fields: FIELDS, rows } } : reply;
  });
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  context.after(() => socket.destroy());
  socket.pause().write(`GET ${pathname} HTTP/1.1\r\nHost: gateway\r\n\r\n`);
  const connections = promisify(server.getConnections.bind(server));
  await until(async () => (await connections()) === 1);
  await until(async () => (await connections()) === 0);
});
