import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "../src/client.ts";
import { isCode, Problem } from "../src/problem.ts";

const REPLY_SCHEMA = new URL("../../contract/schemas/reply.schema.json", import.meta.url);

test("every code of the contract has a status", () => {
  const schema = JSON.parse(readFileSync(REPLY_SCHEMA, "utf8")) as {
    $defs: { code: { enum: string[] } };
  };
  assert.deepEqual(
    schema.$defs.code.enum.filter((code) => !isCode(code)),
    [],
  );
});

test("every code is in the OpenAPI document, and no other", () => {
  const text = readFileSync(new URL("../openapi.yaml", import.meta.url), "utf8");
  const listed = [...text.slice(text.lastIndexOf("enum:")).matchAll(/- ([a-z-]+)/g)];
  const codes = listed.map(([, code]) => code ?? "");
  assert.ok(codes.length > 20);
  assert.deepEqual(
    codes.filter((code) => !isCode(code)),
    [],
  );
});

test("a problem says what RFC 9457 wants", () => {
  assert.deepEqual(new Problem("not-a-number", "tv is a string").toJSON(), {
    type: "urn:riverline:problem:not-a-number",
    title: "Unprocessable Entity",
    status: 422,
    detail: "tv is a string",
    code: "not-a-number",
  });
});

test("who is to come again is told when", () => {
  for (const code of ["kafka-away", "not-learned", "too-many-requests"] as const)
    assert.equal(new Problem(code, "").headers["Retry-After"], "1");
  assert.deepEqual(new Problem("timeout", "").headers, {});
});

test("a reply is a reply, and a refusal becomes a problem", () => {
  assert.deepEqual(parse(Buffer.from('{"prediction":1}')), { prediction: 1 });
  const refusal = parse(Buffer.from('{"error":{"code":"bad-formula","message":"no ~"}}'));
  assert.ok(refusal instanceof Problem);
  assert.deepEqual([refusal.code, refusal.status, refusal.message], ["bad-formula", 422, "no ~"]);
});

test("a reply that cannot be understood is the service's fault", () => {
  const replies = ["", "[", "null", "1", '{"error":null}', '{"error":{"code":"new"}}'];
  for (const text of replies) {
    const problem = parse(Buffer.from(text));
    assert.ok(problem instanceof Problem);
    assert.equal(problem.status, 502);
  }
});
