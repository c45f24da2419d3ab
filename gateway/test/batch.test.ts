import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_BATCH_BYTES, MAX_BATCH_EVENTS, readArray, readLines } from "../src/batch.ts";

function lines(text: string): string[] {
  return readLines(Buffer.from(text)).map(String);
}

function array(text: string): string[] {
  return readArray(Buffer.from(text)).map(String);
}

test("each line's bytes are an event's value as they came", () => {
  assert.deepEqual(lines('{"tv": 1e400}\n{"tv":1,"tv":2}'), ['{"tv": 1e400}', '{"tv":1,"tv":2}']);
});

test("empty lines and carriage returns are passed over", () => {
  assert.deepEqual(lines('\n{"tv":1}\r\n \t\r\n{"tv":2}\n\n'), ['{"tv":1}\r', '{"tv":2}']);
  assert.deepEqual(lines(""), []);
});

test("a line that is not a JSON object is named", () => {
  const faults: [string, string, RegExp][] = [
    ['{"tv":1}\n\nzzz', "bad-json", /^line 3: not JSON/],
    ['{"tv":1}\n[]\n', "bad-shape", /^line 2 /],
    ["null", "bad-shape", /^line 1 /],
    ['"\ufffd', "bad-json", /^line 1: /],
  ];
  for (const [text, code, message] of faults) assert.throws(() => lines(text), { code, message });
});

test("bytes that are not UTF-8 are refused", () => {
  const body = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
  assert.throws(() => readLines(body), { code: "bad-json" });
  assert.throws(() => readArray(body), { code: "bad-json" });
});

test("an array's events are written anew", () => {
  assert.deepEqual(array('[{"tv": 1.0}, {"b": [true, null, "é"]}]'), [
    '{"tv":1}',
    '{"b":[true,null,"é"]}',
  ]);
  assert.deepEqual(array("[]"), []);
});

test("an event of an array that is none is named", () => {
  assert.throws(() => array('[{"tv":1}, 2]'), { code: "bad-shape", message: /^event 2 / });
  assert.throws(() => array('{"tv":1}'), { code: "bad-shape" });
  assert.throws(() => array("[1,"), { code: "bad-json" });
});

test("a number out of the range of a double is refused and never sent as null", () => {
  assert.throws(() => array('[{"sales":1}, {"sales":1e999}]'), {
    code: "out-of-range",
    message: "event 2: sales is out of the range of a double",
  });
});

test("an event that is nested too deep to be written is refused", () => {
  const deep = `[{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}]`;
  assert.throws(() => array(deep), { code: "bad-json" });
});

test("a batch has a largest number of events", () => {
  const most = '{"a":1}\n'.repeat(MAX_BATCH_EVENTS);
  assert.equal(lines(most).length, MAX_BATCH_EVENTS);
  assert.throws(() => lines(`${most}{}`), { code: "too-large" });
  assert.throws(() => array(`[${"{},".repeat(MAX_BATCH_EVENTS)}{}]`), { code: "too-large" });
});

test("an array that grows when it is written anew is refused beyond the limit", () => {
  const event = `{"a":[${Array(2000).fill("1e20").join(",")}]}`;
  const count = Math.floor(MAX_BATCH_BYTES / event.length);
  assert.throws(() => array(`[${Array(count).fill(event).join(",")}]`), { code: "too-large" });
});
