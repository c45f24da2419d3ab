/** The Kafka library's clients and their options. */

import { isIP } from "node:net";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { AuthenticationError, type BaseOptions, type CallbackWithPromise, type SASLOptions } from "@platformatic/kafka";
import type { Cluster } from "./cluster.ts";
import { InformedConsumer, InformedProducer, PersistentProducer } from "./informed.ts";
import { Scout } from "./scout.ts";
import type { Settings } from "./settings.ts";
import type { Tokens } from "./token.ts";

/** Looks up the cluster's state. */
export function scout(settings: Settings, tokens?: Tokens): Scout {
  return new Scout(base(settings, tokens), settings.KAFKA_BOOTSTRAP_SERVERS);
}

/** For questions: many at once; a lost one is sent again. */
export function questionsProducer(settings: Settings, cluster: Cluster, tokens?: Tokens): InformedProducer {
  return new InformedProducer(
    { ...base(settings, tokens), retries: 0, acks: -1, maxInflights: 100, repeatOnStaleMetadata: false },
    cluster,
  );
}

/** For records that must not be duplicated: idempotent, retries as long as there is doubt. */
export function appendingProducer(
  settings: Settings,
  cluster: Cluster,
  tokens?: Tokens,
): PersistentProducer {
  return new PersistentProducer(
    // Fewer than two retries would mean retries without end to the library.
    { ...base(settings, tokens), idempotent: true, retries: 2, repeatOnStaleMetadata: false },
    cluster,
    settings.REQUEST_TIMEOUT_MS,
  );
}

/** For replies. The library requires a group id; the group is never joined. */
export function repliesConsumer(settings: Settings, cluster: Cluster, tokens?: Tokens): InformedConsumer {
  return new InformedConsumer(
    { ...base(settings, tokens), retries: 0, groupId: `${settings.APPLICATION_ID}-gateway` },
    cluster,
  );
}

function base(settings: Settings, tokens?: Tokens): BaseOptions {
  const secure = settings.KAFKA_SECURITY_PROTOCOL.endsWith("SSL");
  const names = settings.KAFKA_BOOTSTRAP_SERVERS.map((server) => server.replace(/:\d+$/, ""));
  return {
    clientId: `${settings.APPLICATION_ID}-gateway`,
    bootstrapBrokers: [...settings.KAFKA_BOOTSTRAP_SERVERS],
    connectTimeout: 3000,
    requestTimeout: 5000,
    timeout: 4000,
    retries: 1,
    retryDelay: 200,
    autocreateTopics: false, // this library's default
    // TLS server names cannot be IP addresses.
    ...(secure && { tls: tls(settings), tlsServerName: names.every((host) => isIP(host) === 0) }),
    ...(settings.KAFKA_SASL_MECHANISM && { sasl: sasl(settings, tokens) }),
  };
}

function sasl(settings: Settings, tokens?: Tokens): SASLOptions {
  const mechanism = settings.KAFKA_SASL_MECHANISM ?? "PLAIN";
  if (tokens !== undefined)
    return { mechanism, token: () => tokens.get(), authBytesValidator: refuseWhatIsRefused };
  return {
    mechanism,
    username: settings.KAFKA_SASL_PLAIN_USERNAME ?? "",
    password: settings.KAFKA_SASL_PLAIN_PASSWORD ?? "",
  };
}

/** Kafka refuses a token in a successful answer (RFC 7628), which the library takes for a login. */
function refuseWhatIsRefused(bytes: Buffer, callback: CallbackWithPromise<Buffer>): void {
  const refused = bytes.length > 0 && bytes.toString().includes('"status"');
  const properties = { apiId: "SASL_AUTHENTICATION_FAILED" };
  if (refused) callback(new AuthenticationError("SASL authentication failed.", properties));
  else callback(null, bytes);
}

function tls(settings: Settings): TlsOptions {
  return {
    ...(settings.KAFKA_SSL_CAFILE && { ca: settings.KAFKA_SSL_CAFILE }),
    ...(settings.KAFKA_SSL_CERTFILE && { cert: settings.KAFKA_SSL_CERTFILE }),
    ...(settings.KAFKA_SSL_KEYFILE && { key: settings.KAFKA_SSL_KEYFILE }),
    ...(settings.KAFKA_SSL_PASSWORD && { passphrase: settings.KAFKA_SSL_PASSWORD }),
    ...(settings.KAFKA_SSL_CRLFILE && { crl: settings.KAFKA_SSL_CRLFILE }),
    ...(settings.KAFKA_SSL_CIPHERS && { ciphers: settings.KAFKA_SSL_CIPHERS }),
    ...(!settings.KAFKA_SSL_CHECK_HOSTNAME && { checkServerIdentity: () => undefined }),
  };
}
