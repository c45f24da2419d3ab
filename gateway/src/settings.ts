/** The gateway's settings, read from the environment once; all faults are reported together. */

import { readFileSync } from "node:fs";
import { z } from "zod";
import { contradictions, SECRETS, unusable } from "./doors.ts";
import { ENVIRONMENT as SHARED, RESERVED } from "./environment.ts";

/** The environment is not usable; the message has a line for each fault. */
export class SettingsError extends Error {}

const names = z.string().transform((text) =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== ""),
);
function topic(of: Readonly<{ pattern: string; default: string; description: string }>) {
  return z
    .string()
    .regex(new RegExp(of.pattern), "is not a topic name")
    .default(of.default)
    .describe(of.description);
}
function option(of: Readonly<{ description: string }>) {
  return z.string().optional().describe(of.description);
}
const file = z.string().transform((path, context) => {
  try {
    return readFileSync(path);
  } catch {
    context.addIssue({ code: "custom", message: "names a file that cannot be read" });
    return z.NEVER;
  }
});
function keys(of: Readonly<{ description: string }>) {
  return file.optional().describe(of.description);
}
function whole(low: number, high: number) {
  const message = `must be a whole number from ${low} to ${high}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((value) => value >= low && value <= high, message);
}

const { least, most, pattern } = SHARED.FIELDS;
const reserved: ReadonlySet<string> = new Set(RESERVED);
const fields = names
  .refine((list) => list.length >= least && list.length <= most, `must name ${least} to ${most} fields`)
  .refine((list) => new Set(list).size === list.length, "names a field twice")
  .refine((list) => !list.some((name) => reserved.has(name)), "has a word that requests use")
  .refine((list) => list.every((name) => new RegExp(pattern).test(name)), "has a name that is none");

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
    .default([...SHARED.KAFKA_BOOTSTRAP_SERVERS.default])
    .describe(SHARED.KAFKA_BOOTSTRAP_SERVERS.description),
  LOG_LEVEL: z
    .string()
    .toLowerCase()
    .pipe(z.enum(SHARED.LOG_LEVEL.choices))
    .default(SHARED.LOG_LEVEL.default)
    .describe(SHARED.LOG_LEVEL.description),
  LOG_FORMAT: z
    .string()
    .toLowerCase()
    .pipe(z.enum(SHARED.LOG_FORMAT.choices))
    .optional()
    .describe(SHARED.LOG_FORMAT.description),
  APPLICATION_ID: z
    .string()
    .regex(new RegExp(SHARED.APPLICATION_ID.pattern), "must be letters, digits, dots, dashes")
    .default(SHARED.APPLICATION_ID.default)
    .describe("names the gateway among Kafka's clients"),
  EVENTS_TOPIC: topic(SHARED.EVENTS_TOPIC),
  REQUESTS_TOPIC: topic(SHARED.REQUESTS_TOPIC),
  REPLIES_TOPIC: topic(SHARED.REPLIES_TOPIC).describe("the answers"),
  FIELDS: fields.default([...SHARED.FIELDS.default]).describe(SHARED.FIELDS.description),
  KAFKA_SECURITY_PROTOCOL: z
    .enum(SHARED.KAFKA_SECURITY_PROTOCOL.choices)
    .default(SHARED.KAFKA_SECURITY_PROTOCOL.default)
    .describe(SHARED.KAFKA_SECURITY_PROTOCOL.description),
  KAFKA_SASL_MECHANISM: z
    .enum(SHARED.KAFKA_SASL_MECHANISM.choices)
    .optional()
    .describe(SHARED.KAFKA_SASL_MECHANISM.description),
  KAFKA_SASL_PLAIN_USERNAME: option(SHARED.KAFKA_SASL_PLAIN_USERNAME),
  KAFKA_SASL_PLAIN_PASSWORD: option(SHARED.KAFKA_SASL_PLAIN_PASSWORD),
  KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL: z
    .url({ protocol: /^https?$/, error: "must be http://... or https://..." })
    .optional()
    .describe(SHARED.KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL.description),
  KAFKA_SASL_OAUTHBEARER_CLIENT_ID: option(SHARED.KAFKA_SASL_OAUTHBEARER_CLIENT_ID),
  KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET: option(SHARED.KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET),
  KAFKA_SASL_OAUTHBEARER_SCOPE: option(SHARED.KAFKA_SASL_OAUTHBEARER_SCOPE),
  KAFKA_SSL_CAFILE: keys(SHARED.KAFKA_SSL_CAFILE),
  KAFKA_SSL_CERTFILE: keys(SHARED.KAFKA_SSL_CERTFILE),
  KAFKA_SSL_KEYFILE: keys(SHARED.KAFKA_SSL_KEYFILE),
  KAFKA_SSL_PASSWORD: option(SHARED.KAFKA_SSL_PASSWORD),
  KAFKA_SSL_CRLFILE: keys(SHARED.KAFKA_SSL_CRLFILE),
  KAFKA_SSL_CIPHERS: option(SHARED.KAFKA_SSL_CIPHERS),
  KAFKA_SSL_CHECK_HOSTNAME: z
    .stringbool("must be true or false")
    .default(SHARED.KAFKA_SSL_CHECK_HOSTNAME.default)
    .describe(SHARED.KAFKA_SSL_CHECK_HOSTNAME.description),
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
