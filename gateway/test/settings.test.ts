import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
    KAFKA_SECURITY_PROTOCOL: "SSL",
    KAFKA_SSL_CHECK_HOSTNAME: "false",
  });
  assert.deepEqual(settings.KAFKA_BOOTSTRAP_SERVERS, ["a:1", "b:2"]);
  assert.deepEqual(settings.FIELDS, ["x", "y"]);
  assert.equal(settings.GATEWAY_PORT, 0);
  assert.equal(settings.KAFKA_SSL_CHECK_HOSTNAME, false);
});

test("the log's level and format are words in any case", () => {
  assert.equal(readSettings({}).LOG_LEVEL, "info");
  assert.equal(readSettings({}).LOG_FORMAT, undefined);
  const settings = readSettings({ LOG_LEVEL: "Warning", LOG_FORMAT: "JSON" });
  assert.deepEqual([settings.LOG_LEVEL, settings.LOG_FORMAT], ["warning", "json"]);
  const variables = faults({ LOG_LEVEL: "loud", LOG_FORMAT: "xml" }).map((line) => line.split(":")[0]);
  assert.deepEqual(variables, ["LOG_LEVEL", "LOG_FORMAT"]);
});

test("all faults are told at once, each with its variable", () => {
  const lines = faults({
    GATEWAY_PORT: "http",
    REQUEST_TIMEOUT_MS: "0",
    FIELDS: "tv,tv",
    EVENTS_TOPIC: "no topic",
    KAFKA_SECURITY_PROTOCOL: "SSL",
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

const LOGIN = { KAFKA_SASL_PLAIN_USERNAME: "riverline", KAFKA_SASL_PLAIN_PASSWORD: "s3cret" };
const CLIENT = {
  KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: "https://id.example/token",
  KAFKA_SASL_OAUTHBEARER_CLIENT_ID: "riverline",
  KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: "s3cret",
};

test("each way in is complete, and goes with its protocol", () => {
  for (const protocol of ["SASL_SSL", "SASL_PLAINTEXT"]) {
    for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
      assert.deepEqual(
        faults({ KAFKA_SECURITY_PROTOCOL: protocol, KAFKA_SASL_MECHANISM: mechanism, ...LOGIN }),
        [],
      );
    const oauth = { KAFKA_SECURITY_PROTOCOL: protocol, KAFKA_SASL_MECHANISM: "OAUTHBEARER" };
    assert.deepEqual(faults({ ...oauth, ...CLIENT }), []);
    assert.deepEqual(faults({ ...oauth, ...CLIENT, KAFKA_SASL_OAUTHBEARER_SCOPE: "kafka" }), []);
  }
});

for (const [what, environ, variables] of [
  ["one topic for two", { EVENTS_TOPIC: "a", REPLIES_TOPIC: "a" }, ["REPLIES_TOPIC"]],
  ["a login without its mechanism", { KAFKA_SECURITY_PROTOCOL: "SASL_SSL" }, ["KAFKA_SASL_MECHANISM"]],
  [
    "a mechanism without its login",
    { KAFKA_SECURITY_PROTOCOL: "SASL_SSL", KAFKA_SASL_MECHANISM: "PLAIN" },
    ["KAFKA_SASL_PLAIN_PASSWORD", "KAFKA_SASL_PLAIN_USERNAME"],
  ],
  [
    "tokens without their endpoint",
    { KAFKA_SECURITY_PROTOCOL: "SASL_SSL", KAFKA_SASL_MECHANISM: "OAUTHBEARER" },
    Object.keys(CLIENT),
  ],
  [
    "a password beside tokens",
    {
      KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
      KAFKA_SASL_MECHANISM: "OAUTHBEARER",
      ...CLIENT,
      ...LOGIN,
    },
    Object.keys(LOGIN),
  ],
  [
    "tokens beside a password",
    { KAFKA_SECURITY_PROTOCOL: "SASL_SSL", KAFKA_SASL_MECHANISM: "PLAIN", ...CLIENT, ...LOGIN },
    Object.keys(CLIENT),
  ],
  ["a login that nobody asks for", LOGIN, Object.keys(LOGIN)],
  [
    "TLS that nobody speaks",
    { KAFKA_SSL_CIPHERS: "HIGH", KAFKA_SSL_CHECK_HOSTNAME: "false" },
    ["KAFKA_SSL_CHECK_HOSTNAME", "KAFKA_SSL_CIPHERS"],
  ],
  [
    "a password without a key",
    { KAFKA_SECURITY_PROTOCOL: "SSL", KAFKA_SSL_PASSWORD: "s3cret" },
    ["KAFKA_SSL_KEYFILE"],
  ],
  [
    "contradictions beside what cannot be read",
    { GATEWAY_PORT: "http", KAFKA_SECURITY_PROTOCOL: "SASL_SSL" },
    ["GATEWAY_PORT", "KAFKA_SASL_MECHANISM"],
  ],
] as [string, Record<string, string>, string[]][])
  test(`${what}: refused`, () => {
    const lines = faults(environ);
    assert.deepEqual(lines.map((line) => line.split(":")[0]).sort(), variables.sort());
    assert.ok(!lines.join().includes("s3cret"));
  });

function inFolder(run: (write: (name: string, text: string) => string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "riverline-"));
  try {
    run((name, text) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a secret may be in a file, less its last newline", () => {
  inFolder((write) => {
    const settings = readSettings({
      KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
      KAFKA_SASL_MECHANISM: "PLAIN",
      KAFKA_SASL_PLAIN_USERNAME: "riverline",
      KAFKA_SASL_PLAIN_PASSWORD_FILE: write("password", " pass\n\n"),
      GATEWAY_TOKEN_FILE: write("token", "t0ken"),
    });
    assert.equal(settings.KAFKA_SASL_PLAIN_PASSWORD, " pass\n");
    assert.equal(settings.GATEWAY_TOKEN, "t0ken");
  });
});

test("an option that is left empty is none", () => {
  assert.deepEqual(faults({ KAFKA_SASL_MECHANISM: "", KAFKA_SSL_CAFILE: "", GATEWAY_TOKEN_FILE: "" }), []);
});

test("a secret given twice, or in a file that is not there, is refused", () => {
  inFolder((write) => {
    const path = write("token", "t0ken");
    assert.match(faults({ GATEWAY_TOKEN: "a", GATEWAY_TOKEN_FILE: path }).join(), /GATEWAY_TOKEN_FILE: GATEWAY_TOKEN is given too/);
  });
  assert.deepEqual(faults({ GATEWAY_TOKEN_FILE: "/there/is/none" }), [
    "GATEWAY_TOKEN_FILE: names a file that cannot be read",
  ]);
});

test("files without what TLS needs are refused", () => {
  inFolder((write) => {
    const junk = write("junk", "nothing");
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const locked = privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes256", passphrase: "right" });
    const key = write("key", String(locked));
    const tls = { KAFKA_SECURITY_PROTOCOL: "SSL" };
    assert.deepEqual(faults({ ...tls, KAFKA_SSL_CAFILE: junk }), ["KAFKA_SSL_CAFILE: holds no certificate"]);
    const pair = { ...tls, KAFKA_SSL_CERTFILE: junk, KAFKA_SSL_KEYFILE: key };
    for (const given of [{}, { KAFKA_SSL_PASSWORD: "wrong" }])
      assert.deepEqual(faults({ ...pair, ...given }), [
        "KAFKA_SSL_CERTFILE: holds no certificate",
        "KAFKA_SSL_KEYFILE: is encrypted, and KAFKA_SSL_PASSWORD does not open it",
      ]);
    assert.deepEqual(faults({ ...pair, KAFKA_SSL_PASSWORD: "right" }), [
      "KAFKA_SSL_CERTFILE: holds no certificate",
    ]);
    assert.match(faults({ ...pair, KAFKA_SSL_KEYFILE: junk }).join(), /KEYFILE: holds no private key/);
  });
});

test("the help names each variable with its default", () => {
  const help = describeSettings();
  assert.match(help, /GATEWAY_PORT +its port; 0 takes a free one \[3000\]/);
  assert.match(help, /FIELDS .*\[tv,radio,newspaper,sales\]/);
});
