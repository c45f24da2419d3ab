import assert from "node:assert/strict";
import { test } from "node:test";
import { readTrace, recordHeaders } from "../src/trace.ts";

const PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

test("a call's trace is carried on", () => {
  const headers = { traceparent: PARENT, tracestate: "congo=t61", host: "x" };
  assert.deepEqual(readTrace(headers), { traceparent: PARENT, tracestate: "congo=t61" });
  assert.deepEqual(readTrace({ traceparent: PARENT, tracestate: "ä" }), { traceparent: PARENT });
});

test("one that is not well-formed goes no further", () => {
  for (const traceparent of [
    undefined,
    "",
    PARENT.toUpperCase(),
    `${PARENT}0`,
    `ff${PARENT.slice(2)}`,
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${"0".repeat(16)}-01`,
  ])
    assert.deepEqual(readTrace({ traceparent, tracestate: "congo=t61" }), {});
});

test("records have it as bytes", () => {
  assert.deepEqual(recordHeaders({ traceparent: PARENT }), [[Buffer.from("traceparent"), Buffer.from(PARENT)]]);
});
