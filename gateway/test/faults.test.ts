import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkError, ProtocolError, UserError } from "@platformatic/kafka";
import type { Logger } from "pino";
import { diagnose, type Fault } from "../src/diagnose.ts";
import { final, notAppended } from "../src/doubt.ts";
import { Faults } from "../src/faults.ts";
import { Metrics } from "../src/metrics.ts";
import { rateLimited } from "../src/rate-limit.ts";

const AWAY: Fault = { kind: "unreachable", sentence: "a:1 does not answer" };
const DOORS = { KAFKA_SECURITY_PROTOCOL: "SASL_SSL", KAFKA_SASL_MECHANISM: "PLAIN" } as const;

function world() {
  const clock = { now: 0 };
  const said: string[] = [];
  const log = {
    error: ({ reason }: { reason: string }) => said.push(reason),
    info: ({ reason }: { reason: string }) => said.push(reason),
  } as unknown as Logger;
  const metrics = new Metrics();
  return { clock, said, metrics, faults: new Faults(metrics, log, () => clock.now) };
}

test("a fault is told once, and once a minute while it lasts, and then its end", async () => {
  const { clock, said, metrics, faults } = world();
  for (; clock.now < 150_000; clock.now += 1000) faults.see("cluster", [AWAY]);
  assert.deepEqual(said, Array(3).fill(AWAY.sentence));
  assert.deepEqual(faults.standing, [AWAY]);
  faults.see("cluster", []);
  assert.equal(said.at(-1), `no longer: ${AWAY.sentence}`);
  assert.deepEqual(faults.standing, []);
  const exposed = await metrics.registry.getSingleMetricAsString("riverline_gateway_kafka_faults_total");
  assert.match(exposed, /kind="unreachable"} 150\n/);
});

test("one that comes and goes fills no log", () => {
  const { clock, said, faults } = world();
  for (; clock.now < 60_000; clock.now += 100) {
    faults.see("cluster", [AWAY]);
    faults.see("cluster", []);
  }
  assert.deepEqual(said, [AWAY.sentence, `no longer: ${AWAY.sentence}`]);
});

test("what has happened is told once a minute, and has no end to be told", () => {
  const { said, faults } = world();
  for (let time = 0; time < 10; time += 1) faults.note(AWAY, `for the ${time}th time`);
  faults.see("cluster", []);
  assert.deepEqual(said, [AWAY.sentence]);
  assert.deepEqual(faults.standing, []);
});

test("one that two parts see is one, and stands until neither sees it", () => {
  const { said, faults } = world();
  faults.see("cluster", [AWAY]);
  faults.see("replies", [AWAY]);
  faults.see("cluster", []);
  assert.deepEqual(faults.standing, [AWAY]);
  assert.deepEqual(said, [AWAY.sentence]);
});

test("what outsiders cause is told once a minute, with how often it was not", () => {
  let now = 0;
  const told: [number, string][] = [];
  const tell = rateLimited((passedOver, what: string) => told.push([passedOver, what]), () => now);
  for (; now <= 60_000; now += 1000) tell(`at ${now}`);
  assert.deepEqual(told, [
    [0, "at 0"],
    [59, "at 60000"],
  ]);
});

for (const [what, error, certain] of [
  ["never connected", new NetworkError("Connection to a:1 failed."), true],
  ["no leader known", new NetworkError("Cannot get a connection: the broker is not available"), true],
  ["another leader", new ProtocolError("NOT_LEADER_OR_FOLLOWER"), true],
  ["too few replicas", new ProtocolError("NOT_ENOUGH_REPLICAS"), true],
  ["not allowed", new ProtocolError("TOPIC_AUTHORIZATION_FAILED"), true],
  ["no such topic", new UserError("There is no topic."), true],
  ["cut off", new NetworkError("Connection closed"), false],
  ["too few replicas after all", new ProtocolError("NOT_ENOUGH_REPLICAS_AFTER_APPEND"), false],
  ["not confirmed in time", new ProtocolError("REQUEST_TIMED_OUT"), false],
  ["something else", new Error("out of memory"), false],
] as const)
  test(`${what}: ${certain ? "certainly in no log" : "in doubt"}`, () => {
    assert.equal(notAppended(error), certain);
    const doubtful = new NetworkError("Connection closed");
    assert.equal(notAppended(new AggregateError([error, error])), certain);
    assert.equal(notAppended(new AggregateError([doubtful, error])), false);
  });

test("what is forbidden is not tried again, and what is lost is", () => {
  assert.ok(final(new ProtocolError("TOPIC_AUTHORIZATION_FAILED")));
  assert.ok(!final(new ProtocolError("NOT_LEADER_OR_FOLLOWER")));
  assert.ok(!final(new NetworkError("Connection closed")));
});

test("an error that nobody knows is told as it is", () => {
  const error = new NetworkError("Something new.", { cause: new Error("beneath it") });
  const fault = { kind: "other", sentence: "a:1: Something new. beneath it" };
  assert.deepEqual(diagnose(error, "a:1", DOORS), fault);
});
