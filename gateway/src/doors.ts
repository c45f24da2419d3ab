/** Checks which security settings go together, as contract/doors.py does. */

import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { ENVIRONMENT } from "./environment.ts";

type Given = Readonly<Record<string, string | undefined>>;

/** The secrets, which may also be in files, named by NAME_FILE. */
export const SECRETS: readonly string[] = [
  "GATEWAY_TOKEN",
  ...Object.entries(ENVIRONMENT).flatMap(([name, of]) => ("secret" in of ? [name] : [])),
];

const OF_PASSWORDS = ["KAFKA_SASL_PLAIN_USERNAME", "KAFKA_SASL_PLAIN_PASSWORD"];
const OF_TOKENS = [
  "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
  "KAFKA_SASL_OAUTHBEARER_CLIENT_ID",
  "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET",
];
const PROTOCOL = "KAFKA_SECURITY_PROTOCOL";
const MECHANISM = "KAFKA_SASL_MECHANISM";

/** A line for each setting that does not go with the others, by which of them are given. */
export function contradictions(given: Given): string[] {
  const protocol = given[PROTOCOL] ?? "PLAINTEXT";
  const mechanism = given[MECHANISM];
  const has = (name: string): boolean => given[name] !== undefined;
  const faults: string[] = [];
  const need = (names: string[], why: string): void => {
    faults.push(...names.filter((name) => !has(name)).map((name) => `${name}: needed by ${why}`));
  };
  const refuse = (names: string[], why: string): void => {
    faults.push(...names.filter(has).map((name) => `${name}: does not go with ${why}`));
  };
  const all = Object.keys(given);
  if (!protocol.endsWith("SSL"))
    refuse(all.filter((name) => name.startsWith("KAFKA_SSL_")), `${PROTOCOL}=${protocol}`);
  if (!protocol.startsWith("SASL"))
    refuse(all.filter((name) => name.startsWith("KAFKA_SASL_")), `${PROTOCOL}=${protocol}`);
  else if (mechanism === undefined) need([MECHANISM], `${PROTOCOL}=${protocol}`);
  else if (mechanism === "OAUTHBEARER") {
    need(OF_TOKENS, `${MECHANISM}=${mechanism}`);
    refuse(OF_PASSWORDS, `${MECHANISM}=${mechanism}`);
  } else {
    need(OF_PASSWORDS, `${MECHANISM}=${mechanism}`);
    refuse([...OF_TOKENS, "KAFKA_SASL_OAUTHBEARER_SCOPE"], `${MECHANISM}=${mechanism}`);
  }
  if (has("KAFKA_SSL_CERTFILE")) need(["KAFKA_SSL_KEYFILE"], "KAFKA_SSL_CERTFILE");
  if (has("KAFKA_SSL_KEYFILE")) need(["KAFKA_SSL_CERTFILE"], "KAFKA_SSL_KEYFILE");
  if (has("KAFKA_SSL_PASSWORD")) need(["KAFKA_SSL_KEYFILE"], "KAFKA_SSL_PASSWORD");
  return faults;
}

/** The contents of TLS's files. */
export interface Keys {
  KAFKA_SSL_CAFILE?: Buffer | undefined;
  KAFKA_SSL_CERTFILE?: Buffer | undefined;
  KAFKA_SSL_KEYFILE?: Buffer | undefined;
  KAFKA_SSL_PASSWORD?: string | undefined;
  KAFKA_SSL_CRLFILE?: Buffer | undefined;
  KAFKA_SSL_CIPHERS?: string | undefined;
}

/** A line for each unusable file or password of TLS. */
export function unusable(keys: Keys): string[] {
  const { KAFKA_SSL_CERTFILE: cert, KAFKA_SSL_KEYFILE: key, KAFKA_SSL_PASSWORD: passphrase } = keys;
  const faults = (["KAFKA_SSL_CAFILE", "KAFKA_SSL_CERTFILE"] as const)
    .filter((name) => keys[name] !== undefined && !works(() => new X509Certificate(keys[name] ?? "")))
    .map((name) => `${name}: holds no certificate`);
  if (keys.KAFKA_SSL_CRLFILE && !works(() => createSecureContext({ crl: keys.KAFKA_SSL_CRLFILE })))
    faults.push("KAFKA_SSL_CRLFILE: holds no list of revoked certificates");
  if (keys.KAFKA_SSL_CIPHERS && !works(() => createSecureContext({ ciphers: keys.KAFKA_SSL_CIPHERS })))
    faults.push("KAFKA_SSL_CIPHERS: is not an OpenSSL cipher list");
  const lock = { key, ...(passphrase !== undefined && { passphrase }) };
  if (key !== undefined && !works(() => createSecureContext(lock)))
    faults.push(
      key.includes("ENCRYPTED")
        ? "KAFKA_SSL_KEYFILE: is encrypted, and KAFKA_SSL_PASSWORD does not open it"
        : "KAFKA_SSL_KEYFILE: holds no private key",
    );
  else if (key && cert && faults.length === 0 && !works(() => createSecureContext({ cert, ...lock })))
    faults.push("KAFKA_SSL_KEYFILE: is not the key of the certificate in KAFKA_SSL_CERTFILE");
  return faults;
}

function works(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
