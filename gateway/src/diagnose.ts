/** Diagnoses an error of the Kafka library, in one sentence for the operator. Pure. */

import { X509Certificate } from "node:crypto";
import type { Settings } from "./settings.ts";

/** The kinds of faults between the gateway and Kafka; the values of a metric's label. */
export const KINDS = [
  "unreachable",
  "protocol",
  "password",
  "token",
  "certificate",
  "permission",
  "topic",
  "leader",
  "other",
] as const;
export type Kind = (typeof KINDS)[number];

export interface Fault {
  readonly kind: Kind;
  /** For the log only: it names brokers, users and topics. */
  readonly sentence: string;
  /** Whether the gateway still works, through other partitions. */
  readonly partial?: boolean;
}

type Doors = Pick<
  Settings,
  | "KAFKA_SECURITY_PROTOCOL"
  | "KAFKA_SASL_MECHANISM"
  | "KAFKA_SASL_PLAIN_USERNAME"
  | "KAFKA_SASL_OAUTHBEARER_CLIENT_ID"
  | "KAFKA_SSL_CAFILE"
  | "KAFKA_SSL_CERTFILE"
>;

/** The token endpoint gave no token; the message is the fault's sentence. */
export class TokenError extends Error {}

const UNTRUSTED = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "INVALID_CA",
]);
const SILENT = new Set(["ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ECONNRESET", "EPIPE"]);

/** The fault behind an error from a broker (HOST:PORT). */
export function diagnose(error: unknown, broker: string, doors: Doors): Fault {
  const chain = [...beneath(error)];
  const token = chain.find((one) => one instanceof TokenError);
  if (token !== undefined) return { kind: "token", sentence: token.message };
  const codes = new Set(chain.flatMap(({ code, apiId }) => [code, apiId]));
  const said = reason(error);
  return (
    ofCertificates(codes, said, broker, doors) ??
    ofPasswords(codes, broker, doors) ??
    ofProtocols(codes, said, broker, doors) ??
    ofConnections(codes, said, broker, doors) ?? { kind: "other", sentence: `${broker}: ${said}` }
  );
}

/** Our principal, in words. */
export function principal(doors: Doors): string {
  if (doors.KAFKA_SASL_MECHANISM === "OAUTHBEARER")
    return `client ${doors.KAFKA_SASL_OAUTHBEARER_CLIENT_ID ?? ""}`;
  if (doors.KAFKA_SASL_MECHANISM !== undefined) return `user ${doors.KAFKA_SASL_PLAIN_USERNAME ?? ""}`;
  const certificate = ours(doors);
  return certificate === undefined ? "user ANONYMOUS" : `user ${certificate.subject.replaceAll("\n", ",")}`;
}

/** The messages of an error and of its causes, without repeats. */
export function reason(error: unknown): string {
  return [...new Set([...beneath(error)].map(({ message }) => message))].join(" ");
}

interface Link extends Error {
  code?: string;
  apiId?: string;
}

/** An error and its causes. */
function* beneath(error: unknown): Generator<Link> {
  if (!(error instanceof Error)) return;
  yield error;
  if (error instanceof AggregateError)
    for (const one of error.errors as unknown[]) yield* beneath(one);
  yield* beneath(error.cause);
}

function ofCertificates(codes: Set<unknown>, said: string, broker: string, doors: Doors): Fault | undefined {
  const fault = (sentence: string): Fault => ({ kind: "certificate", sentence });
  const theirs = `the certificate of broker ${broker}`;
  if (codes.has("CERT_HAS_EXPIRED")) return fault(`${theirs} has expired`);
  if (codes.has("CERT_NOT_YET_VALID")) return fault(`${theirs} is not valid yet`);
  if (codes.has("CERT_REVOKED")) return fault(`${theirs} is revoked by KAFKA_SSL_CRLFILE`);
  if (codes.has("CRL_HAS_EXPIRED")) return fault("the list in KAFKA_SSL_CRLFILE has expired");
  if (codes.has("ERR_TLS_CERT_ALTNAME_INVALID")) return fault(`${theirs} is not for this host name`);
  if ([...UNTRUSTED].some((code) => codes.has(code)))
    return fault(
      doors.KAFKA_SSL_CAFILE === undefined
        ? `${theirs} is not signed by an authority known here: name it with KAFKA_SSL_CAFILE`
        : `${theirs} is not signed by an authority in KAFKA_SSL_CAFILE`,
    );
  if (!/alert/i.test(said)) return undefined;
  const certificate = ours(doors);
  if (certificate === undefined)
    return /certificate|handshake.failure/i.test(said)
      ? fault(`broker ${broker} asks for a certificate: name ours with KAFKA_SSL_CERTFILE`)
      : undefined;
  if (certificate.validToDate < new Date())
    return fault(`our certificate in KAFKA_SSL_CERTFILE has expired: broker ${broker} refused it`);
  if (/certificate|unknown.ca|handshake.failure|access.denied/i.test(said))
    return fault(`broker ${broker} refused our certificate in KAFKA_SSL_CERTFILE`);
  return undefined;
}

function ofPasswords(codes: Set<unknown>, broker: string, doors: Doors): Fault | undefined {
  const mechanism = doors.KAFKA_SASL_MECHANISM ?? "";
  if (codes.has("UNSUPPORTED_SASL_MECHANISM"))
    return { kind: "protocol", sentence: `broker ${broker} does not offer ${mechanism}` };
  if (!codes.has("SASL_AUTHENTICATION_FAILED")) return undefined;
  return mechanism === "OAUTHBEARER"
    ? { kind: "token", sentence: `Kafka refused the token of ${principal(doors)} (${mechanism})` }
    : { kind: "password", sentence: `Kafka refused the password of ${principal(doors)} (${mechanism})` };
}

function ofProtocols(codes: Set<unknown>, said: string, broker: string, doors: Doors): Fault | undefined {
  const fault = (sentence: string): Fault => ({ kind: "protocol", sentence });
  const protocol = `KAFKA_SECURITY_PROTOCOL=${doors.KAFKA_SECURITY_PROTOCOL}`;
  if (said.includes("verify the broker supports TLS") || codes.has("ERR_SSL_WRONG_VERSION_NUMBER"))
    return fault(`${broker} does not speak TLS, which ${protocol} asks for`);
  if (said.includes("Broker requires TLS")) return fault(`${broker} expects TLS, not ${protocol}`);
  if (codes.has("PLT_KFK_AUTHENTICATION"))
    return fault(`${broker} closed the connection before the login: does it expect ${protocol}?`);
  return undefined;
}

function ofConnections(codes: Set<unknown>, said: string, broker: string, doors: Doors): Fault | undefined {
  if (codes.has("ENOTFOUND") || codes.has("EAI_AGAIN"))
    return { kind: "unreachable", sentence: `the host name of ${broker} is not known` };
  if (/timed out/i.test(said) || [...SILENT].some((code) => codes.has(code)))
    return { kind: "unreachable", sentence: `${broker} does not answer` };
  if (!/connection closed/i.test(said)) return undefined;
  const protocol = `KAFKA_SECURITY_PROTOCOL=${doors.KAFKA_SECURITY_PROTOCOL}`;
  return { kind: "unreachable", sentence: `${broker} closes the connection: does it expect ${protocol}?` };
}

function ours(doors: Doors): X509Certificate | undefined {
  return doors.KAFKA_SSL_CERTFILE && new X509Certificate(doors.KAFKA_SSL_CERTFILE);
}
