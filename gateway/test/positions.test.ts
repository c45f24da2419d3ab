import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "../src/client.ts";
import { readQuery } from "../src/forms.ts";
import { bounded, readPositions, toldBy, writePositions } from "../src/positions.ts";
import { Problem } from "../src/problem.ts";

const bad = (error: unknown): boolean => error instanceof Problem && error.code === "bad-params";

test("positions are read as they are written", () => {
  const positions = { 0: 77, 2: 1234 };
  assert.equal(writePositions(positions), "0:77,2:1234");
  assert.deepEqual(readPositions("0:77,2:1234"), positions);
  assert.deepEqual(readPositions("2:1234, 0:77"), positions);
});

test("what is written in another way is refused", () => {
  for (const text of ["", "2", "2:", ":1", "a:1", "2:-1", "2:1.5", "2:1,2:2", "2:9999999999999999", "2:1;0:1"])
    assert.throws(() => readPositions(text), bad, text);
});

test("a question has those of its header or of its query, and not both", () => {
  const query = (text: string) => readQuery(new URLSearchParams(text));
  assert.deepEqual(bounded(query("tv=1&at_least=2:7"), undefined), { tv: 1, at_least: { 2: 7 } });
  assert.deepEqual(bounded({ tv: 1 }, "2:7"), { tv: 1, at_least: { 2: 7 } });
  assert.deepEqual(bounded({ tv: 1, at_least: { 2: 7 } }, undefined), { tv: 1, at_least: { 2: 7 } });
  assert.deepEqual(bounded({ tv: 1 }, undefined), { tv: 1 });
  assert.throws(() => bounded(query("tv=1&at_least=2:7"), "2:7"), bad);
  assert.throws(() => bounded(query("tv=1&at_least=7"), undefined), bad);
});

test("an acknowledgement tells what to ask with, another reply does not", () => {
  assert.deepEqual(toldBy({ learned: true, at_least: { 0: 8 } }), { 0: 8 });
  assert.equal(toldBy({ prediction: 1 }), undefined);
});

test("a question that waited in vain is told the positions reached", () => {
  const text = '{"error":{"code":"not-yet","message":"later","positions":{"2":3}}}';
  const problem = parse(Buffer.from(text));
  assert.ok(problem instanceof Problem);
  assert.deepEqual([problem.status, problem.toJSON()["positions"]], [504, { 2: 3 }]);
});
