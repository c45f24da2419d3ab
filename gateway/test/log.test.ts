import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog, traceback, type Form, type Level } from "../src/log.ts";

function world(form: Form, level: Level = "info") {
  const lines: string[] = [];
  return { lines, log: createLog(level, form, { write: (text) => lines.push(text) }) };
}

test("json: a record is one line, its members are the consumer's, a traceback is inside", () => {
  const { lines, log } = world("json");
  const error = new Error('no "good"\nat all');
  log.error({ partition: 3, exception: traceback(error) }, "internal error");
  log.warn("closing");
  log.fatal("ended");
  const [first, ...rest] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(first);
  assert.deepEqual(Object.keys(first), ["timestamp", "level", "event", "partition", "exception"]);
  assert.equal(first["level"], "error");
  assert.match(String(first["exception"]), /^Error: no "good"\nat all\n {4}at /);
  assert.match(String(first["timestamp"]), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(
    rest.map(({ level, event }) => [level, event]),
    [
      ["warning", "closing"],
      ["critical", "ended"],
    ],
  );
  assert.ok(lines.every((line) => line.indexOf("\n") === line.length - 1));
});

test("logfmt: what would end a value or a record is escaped", () => {
  const { lines, log } = world("logfmt");
  log.info({ a: "b", said: 'so "it" is', path: "C:\\x y", ok: true, none: null, of: [1, 2] }, "two words");
  log.info({ exception: "Error: x\n at y" }, "e");
  const [first, second] = lines.map((line) => line.replace(/^timestamp=\S+ /, ""));
  assert.equal(
    first,
    String.raw`level=info event="two words" a=b said="so \"it\" is" path="C:\\x y" ok=true none= of=[1,2]` + "\n",
  );
  assert.equal(second, String.raw`level=info event=e exception="Error: x\n at y"` + "\n");
});

test("console: a line for people, the traceback below", () => {
  const { lines, log } = world("console");
  log.error({ kind: "topic", exception: "Error: x\n    at y" }, "fault");
  assert.match(lines.join(""), /^\S+ \[error {3}\] fault kind=topic\nError: x\n {4}at y\n$/);
});

test("what is below the level is not written", () => {
  const { lines, log } = world("logfmt", "error");
  log.warn("no");
  log.error("yes");
  assert.equal(lines.length, 1);
});
