/** The gateway's settings, read from the environment once; all faults are reported together. */

import { readFileSync } from "node:fs";
import { z } from "zod";
import { contradictions, SECRETS, unusable } from "./doors.ts";

/** The environment is not usable; the message has a line for each fault. */
export class SettingsError extends Error {}

// Words used in requests and replies: no field may have one of these names (contract/environment.py).
const RESERVED = new Set(["method", "params", "formula", "level", "Intercept"]);

const names = z.string().transform((text) =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== ""),
);
const topic = z.string().regex(/^[A-Za-z0-9._-]{1,249}$/, "is not a topic name");
const file = z.string().transform((path, context) => {
  try {
    return readFileSync(path);
  } catch {
    context.addIssue({ code: "custom", message: "names a file that cannot be read" });
    return z.NEVER;
  }
});
function whole(low: number, high: number) {
  const message = `must be a whole number from ${low} to ${high}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((value) => value >= low && value <= high, message);
}

const fields = names
  .refine((list) => list.length >= 1 && list.length <= 64, "must name 1 to 64 fields")
  .refine((list) => new Set(list).size === list.length, "names a field twice")
  .refine((list) => !list.some((name) => RESERVED.has(name)), "has a word that requests use")
  .refine(
    (list) => list.every((name) => /^[A-Za-z_][A-Za-z0-9_.]{0,63}$/.test(name)),
    "has a name that is none",
  );

const Environment = z.object({
  GATEWAY_HOST: z.string().default("127.0.0.1").describe("where the gateway listens"),
  GATEWAY_PORT: whole(0, 65535).default(3000).describe("its port; 0 takes a free one"),
  GATEWAY_TOKEN: z
    .string()
    .regex(/^[!-~]+$/, "must be visible ASCII: a header carries nothing else safely")
    .optional()
    .describe("bearer token that /v1 asks for"),
  REQUEST_TIMEOUT_MS: whole(1, 600_000).default(10_000).describe("how long an answer may take"),
  KAFKA_BOOTSTRAP_SERVERS: names
    .refine((list) => list.length > 0, "must name a server")
    .refine((list) => list.every((server) => /^.+:\d{1,5}$/.test(server)), "must be HOST:PORT,...")
    .default(["127.0.0.1:9092"])
    .describe("where Kafka is: HOST:PORT[,HOST:PORT...]"),
  APPLICATION_ID: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,200}$/, "must be letters, digits, dots, dashes")
    .default("riverline")
    .describe("names the gateway among Kafka's clients"),
  EVENTS_TOPIC: topic.default("mobile-events").describe("the events"),
  REQUESTS_TOPIC: topic.default("prediction-requests").describe("the questions"),
  REPLIES_TOPIC: topic.default("prediction-replies").describe("the answers"),
  FIELDS: fields
    .default(["tv", "radio", "newspaper", "sales"])
    .describe("the numeric fields of an event, in order"),
  KAFKA_SECURITY_PROTOCOL: z
    .enum(["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
    .default("PLAINTEXT")
    .describe("PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"),
  KAFKA_SASL_MECHANISM: z
    .enum(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"])
    .optional()
    .describe("PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"),
  KAFKA_SASL_PLAIN_USERNAME: z.string().optional().describe("for PLAIN and SCRAM"),
  KAFKA_SASL_PLAIN_PASSWORD: z.string().optional().describe("for PLAIN and SCRAM"),
  KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: z
    .url({ protocol: /^https?$/, error: "must be http://... or https://..." })
    .optional()
    .describe("where OAUTHBEARER's tokens come from"),
  KAFKA_SASL_OAUTHBEARER_CLIENT_ID: z.string().optional().describe("for the token endpoint"),
  KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: z.string().optional().describe("for the token endpoint"),
  KAFKA_SASL_OAUTHBEARER_SCOPE: z.string().optional().describe("what the token is for, if asked"),
  KAFKA_SSL_CAFILE: file.optional().describe("who may sign the broker's certificate"),
  KAFKA_SSL_CERTFILE: file.optional().describe("our certificate, for mutual TLS"),
  KAFKA_SSL_KEYFILE: file.optional().describe("our private key, for mutual TLS"),
  KAFKA_SSL_PASSWORD: z.string().optional().describe("of the private key"),
  KAFKA_SSL_CRLFILE: file.optional().describe("revoked certificates"),
  KAFKA_SSL_CIPHERS: z.string().optional().describe("OpenSSL's cipher list"),
  KAFKA_SSL_CHECK_HOSTNAME: z
    .stringbool("must be true or false")
    .default(true)
    .describe("the broker's certificate must name its host"),
});

export type Settings = Readonly<z.infer<typeof Environment>>;

const OPTIONAL = /^KAFKA_(SASL|SSL)_|_FILE$/;

type Environ = Readonly<Record<string, string | undefined>>;

/**
 * Read the settings from an environment.
 *
 * @throws {SettingsError} With a line for each variable at fault.
 */
export function readSettings(environ: Environ): Settings {
  const [faults, given] = readSecrets(environ);
  faults.push(...unknown(given));
  const parsed = Environment.safeParse(given);
  const misread = parsed.success ? [] : parsed.error.issues;
  faults.push(...misread.map((issue) => `${issue.path.join(".")}: ${issue.message}`));
  faults.push(...contradictions(pick(given, /^KAFKA_/)));
  if (parsed.success) faults.push(...sameTopics(parsed.data), ...unusable(parsed.data));
  if (faults.length > 0 || !parsed.success) throw new SettingsError(faults.join("\n"));
  return parsed.data;
}

/** Each variable with its meaning and default, for `--help`. */
export function describeSettings(): string {
  const lines = Object.entries(Environment.shape).map(([name, schema]) => {
    const value = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
    const shown = value === undefined ? "" : ` [${String(value)}]`;
    return `  ${name.padEnd(26)} ${schema.description ?? ""}${shown}`;
  });
  const secrets = SECRETS.map((name) => `  ${name}_FILE`).join("\n");
  return `${lines.join("\n")}\n\nSecrets may be in files instead, named by:\n${secrets}`;
}

/** The environment, with the secrets in files read in, without their last newline. */
function readSecrets(environ: Environ): [faults: string[], given: Record<string, string>] {
  const faults: string[] = [];
  // An empty option, as in a compose file, is not set.
  const entries = Object.entries(environ).filter(
    ([name, value]) => value !== undefined && (value !== "" || !OPTIONAL.test(name)),
  );
  const given = Object.fromEntries(entries) as Record<string, string>;
  for (const name of SECRETS) {
    const { [`${name}_FILE`]: path, ...rest } = given;
    if (path === undefined) continue;
    Reflect.deleteProperty(given, `${name}_FILE`);
    if (name in rest) faults.push(`${name}_FILE: ${name} is given too`);
    try {
      given[name] = readFileSync(path, "utf8").replace(/\r?\n$/, "");
    } catch {
      faults.push(`${name}_FILE: names a file that cannot be read`);
      given[name] = rest[name] ?? "x"; // it was meant to be given
    }
  }
  return [faults, given];
}

/** Report misspelt security options, which would otherwise be ignored. */
function unknown(environ: Environ): string[] {
  return Object.keys(environ)
    .filter((name) => /^KAFKA_(SASL|SSL)_/.test(name) && !(name in Environment.shape))
    .sort()
    .map((name) => `${name}: no such option (kafka-python's, in upper case)`);
}

function pick(environ: Environ, names: RegExp): Environ {
  const known = ([name]: [string, unknown]): boolean => names.test(name) && name in Environment.shape;
  return Object.fromEntries(Object.entries(environ).filter(known));
}

function sameTopics(settings: Settings): string[] {
  const topics = [settings.EVENTS_TOPIC, settings.REQUESTS_TOPIC, settings.REPLIES_TOPIC];
  return new Set(topics).size < topics.length
    ? ["REPLIES_TOPIC: EVENTS_, REQUESTS_ and REPLIES_TOPIC must differ"]
    : [];
}
