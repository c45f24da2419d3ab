import assert from "node:assert/strict";
import { test } from "node:test";
import { parser } from "../public/assets/event-stream.js";

const STREAM =
  'retry: 2000\n\nevent: state\ndata: {"at":1}\n\n: a comment\nevent: beat\ndata: {}\n\ndata: ε\n\n';
const MESSAGES = [
  { event: "state", data: '{"at":1}' },
  { event: "beat", data: "{}" },
  { event: "message", data: "ε" },
];

test("a stream gives its messages, and nothing for what is none", () => {
  assert.deepEqual(parser()(STREAM), MESSAGES);
});

for (const [name, end] of [["LF", "\n"], ["CR LF", "\r\n"], ["CR", "\r"]] as const)
  test(`lines end with ${name}, wherever the stream is cut`, () => {
    const stream = `${STREAM.replaceAll("\n", end)}:`; // a last CR alone might be half an end
    for (let cut = 0; cut <= stream.length; cut++) {
      const parse = parser();
      const messages = [...parse(stream.slice(0, cut)), ...parse(stream.slice(cut))];
      assert.deepEqual(messages, MESSAGES, `cut at ${cut}`);
    }
  });

test("a message is given as soon as it is complete, and not before", () => {
  const parse = parser();
  assert.deepEqual(parse("event: beat\ndata: {}\n"), []);
  assert.deepEqual(parse("\n"), [{ event: "beat", data: "{}" }]);
});

test("a character at a time gives the same", () => {
  assert.deepEqual(Array.from(STREAM, parser()).flat(), MESSAGES);
});

test("lines of data are joined, and one space before each is taken off", () => {
  assert.deepEqual(parser()("data:one\ndata:  two\ndata\n\n"), [
    { event: "message", data: "one\n two\n" },
  ]);
});

test("a message without data is none, and its name is not the next one's", () => {
  assert.deepEqual(parser()("event: beat\n\ndata: 1\n\n"), [{ event: "message", data: "1" }]);
});
