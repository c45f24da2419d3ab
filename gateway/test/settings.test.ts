import assert from "node:assert/strict";
import { test } from "node:test";
import { describeSettings, readSettings } from "../src/settings.ts";

function faults(environ: Record<string, string>): string[] {
  try {
    readSettings(environ);
  } catch (error) {
    return (error as Error).message.split("\n");
  }
  return [];
}

test("an empty environment gives the defaults of every part of Riverline", () => {
  const settings = readSettings({});
  assert.deepEqual(settings.KAFKA_BOOTSTRAP_SERVERS, ["127.0.0.1:9092"]);
  assert.deepEqual(settings.FIELDS, ["tv", "radio", "newspaper", "sales"]);
  assert.equal(settings.REPLIES_TOPIC, "prediction-replies");
  assert.equal(settings.GATEWAY_PORT, 3000);
  assert.equal(settings.GATEWAY_TOKEN, undefined);
});

test("lists are split at commas, and numbers are numbers", () => {
  const settings = readSettings({
    KAFKA_BOOTSTRAP_SERVERS: "a:1, b:2",
    FIELDS: "x,y",
    GATEWAY_PORT: "0",
    KAFKA_SSL_CHECK_HOSTNAME: "false",
  });
  assert.deepEqual(settings.KAFKA_BOOTSTRAP_SERVERS, ["a:1", "b:2"]);
  assert.deepEqual(settings.FIELDS, ["x", "y"]);
  assert.equal(settings.GATEWAY_PORT, 0);
  assert.equal(settings.KAFKA_SSL_CHECK_HOSTNAME, false);
});

test("all faults are told at once, each with its variable", () => {
  const lines = faults({
    GATEWAY_PORT: "http",
    REQUEST_TIMEOUT_MS: "0",
    FIELDS: "tv,tv",
    EVENTS_TOPIC: "no topic",
    KAFKA_SSL_CAFILE: "/there/is/none",
    KAFKA_SASL_PASSWORD: "secret",
  });
  const variables = lines.map((line) => line.split(":")[0]);
  assert.deepEqual(variables.sort(), [
    "EVENTS_TOPIC",
    "FIELDS",
    "GATEWAY_PORT",
    "KAFKA_SASL_PASSWORD",
    "KAFKA_SSL_CAFILE",
    "REQUEST_TIMEOUT_MS",
  ]);
  assert.ok(!lines.join().includes("secret"));
});

test("settings that contradict each other are refused", () => {
  assert.match(faults({ EVENTS_TOPIC: "a", REPLIES_TOPIC: "a" }).join(), /must differ/);
  assert.match(faults({ KAFKA_SECURITY_PROTOCOL: "SASL_SSL" }).join(), /KAFKA_SASL_MECHANISM/);
  assert.deepEqual(
    faults({ KAFKA_SECURITY_PROTOCOL: "SASL_SSL", KAFKA_SASL_MECHANISM: "PLAIN" }),
    [],
  );
});

test("the help names each variable with its default", () => {
  const help = describeSettings();
  assert.match(help, /GATEWAY_PORT +its port; 0 takes a free one \[3000\]/);
  assert.match(help, /FIELDS .*\[tv,radio,newspaper,sales\]/);
});
