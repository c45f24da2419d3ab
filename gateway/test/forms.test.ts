import assert from "node:assert/strict";
import { test } from "node:test";
import { readForm, readQuery } from "../src/forms.ts";

const FIELDS = ["tv", "radio", "newspaper", "sales"];

function query(text: string): unknown {
  return readQuery(new URLSearchParams(text));
}

test("what reads like a number in a query is one", () => {
  assert.deepEqual(query("tv=50&radio=-0.5&newspaper=1e3&level=.9"), {
    tv: 50,
    radio: -0.5,
    newspaper: 1000,
    level: 0.9,
  });
});

test("what is no number stays text, for the service to refuse", () => {
  for (const text of ["abc", "", "0x10", "NaN", "Infinity", "1_000", "5 0", "--5"])
    assert.deepEqual(query(`tv=${text}`), { tv: text });
});

test("true and false are booleans", () => {
  assert.deepEqual(query("terms=true&other=false"), { terms: true, other: false });
});

test("a formula is text, whatever it looks like", () => {
  assert.deepEqual(query("formula=1"), { formula: "1" });
  assert.deepEqual(query("formula=sales%20~%20tv%2Bradio"), { formula: "sales ~ tv+radio" });
});

test("a parameter that is given twice is refused", () => {
  assert.throws(() => query("tv=1&tv=2"), { code: "bad-params" });
});

test("a name that objects have of themselves is a parameter like any other", () => {
  assert.deepEqual(Object.keys(query("__proto__=1&constructor=2") as object), [
    "__proto__",
    "constructor",
  ]);
});

test("the prototype's form gives the fields in their order", () => {
  assert.deepEqual(readForm("data[]=3.14&data[]=34.6&data[]=12.2&data[]=8.4", FIELDS), {
    tv: 3.14,
    radio: 34.6,
    newspaper: 12.2,
    sales: 8.4,
  });
  assert.deepEqual(readForm("data%5B%5D=1&data%5B%5D=x", ["tv", "sales"]), { tv: 1, sales: "x" });
});

test("a form with too few, too many or other members is refused", () => {
  for (const form of ["", "data[]=1", "data[]=1&data[]=2&data[]=3", "data[]=1&data=2"])
    assert.throws(() => readForm(form, ["tv", "sales"]), { code: "bad-shape" });
});
