/** The door to the Kafka library: which clients, with which options. */

import type { ConnectionOptions as TlsOptions } from "node:tls";
import { Consumer, Producer, type BaseOptions } from "@platformatic/kafka";
import type { Settings } from "./settings.ts";

/** What an error of the library says, with what lies beneath it. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const beneath = error instanceof AggregateError ? (error.errors as unknown[]).at(-1) : error.cause;
  return beneath === undefined ? error.message : `${error.message} ${reason(beneath)}`;
}

/** For questions: each goes out at once, and one that is lost is its asker's to repeat. */
export function questionsProducer(settings: Settings): Producer {
  return new Producer({ ...base(settings), acks: 1, maxInflights: 100 });
}

/** For events: idempotent, so that a retry within the library does not repeat an event. */
export function eventsProducer(settings: Settings): Producer {
  // Fewer than two retries would mean retries without end to the library.
  return new Producer({ ...base(settings), idempotent: true, retries: 2 });
}

/** For replies. The library wants a group's name; the group is never joined. */
export function repliesConsumer(settings: Settings): Consumer {
  return new Consumer({ ...base(settings), groupId: `${settings.APPLICATION_ID}-gateway` });
}

function base(settings: Settings): BaseOptions {
  const secure = settings.KAFKA_SECURITY_PROTOCOL.endsWith("SSL");
  const mechanism = settings.KAFKA_SECURITY_PROTOCOL.startsWith("SASL")
    ? settings.KAFKA_SASL_MECHANISM
    : undefined;
  return {
    clientId: `${settings.APPLICATION_ID}-gateway`,
    bootstrapBrokers: [...settings.KAFKA_BOOTSTRAP_SERVERS],
    connectTimeout: 3000,
    requestTimeout: 5000,
    timeout: 4000,
    retries: 1,
    retryDelay: 200,
    autocreateTopics: false, // the default, of this library alone
    ...(secure && { tls: tls(settings), tlsServerName: true }),
    ...(mechanism && {
      sasl: {
        mechanism,
        username: settings.KAFKA_SASL_PLAIN_USERNAME ?? "",
        password: settings.KAFKA_SASL_PLAIN_PASSWORD ?? "",
      },
    }),
  };
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
