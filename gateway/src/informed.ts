/** The library's clients, given their metadata from `cluster`, and their retries. */

import {
  Consumer,
  kGetBootstrapConnection,
  kMetadata,
  kPerformWithRetry,
  NetworkError,
  Producer,
  UserError,
  type Callback,
  type CallbackWithPromise,
  type ClusterMetadata,
  type Connection,
  type ConsumerOptions,
  type MetadataOptions,
  type ProducerOptions,
} from "@platformatic/kafka";
import type { Cluster } from "./cluster.ts";
import { notAppended } from "./doubt.ts";

type Bytes = Buffer;

// The library's own metadata fails as long as any partition of a topic has no leader.
function tell(cluster: Cluster, callback: CallbackWithPromise<ClusterMetadata>, topics: string[] = []): void {
  const { metadata } = cluster;
  const missing = topics.find((topic) => metadata?.topics.has(topic) !== true);
  if (metadata === undefined) callback(new NetworkError("Connection to Kafka is not there yet."));
  else if (missing !== undefined) callback(new UserError(`There is no topic ${missing}.`));
  else callback(null, metadata);
}

export class InformedProducer extends Producer {
  readonly #cluster: Cluster;

  constructor(options: ProducerOptions<Bytes, Bytes, Bytes, Bytes>, cluster: Cluster) {
    super(options);
    this.#cluster = cluster;
  }

  override [kMetadata](options: MetadataOptions, callback: CallbackWithPromise<ClusterMetadata>): void {
    tell(this.#cluster, callback, options.topics);
  }

  override [kGetBootstrapConnection](callback: Callback<Connection>, attempt = 0): void {
    const brokers = [...(this.#cluster.metadata?.brokers.values() ?? [])];
    const turn = attempt % Math.max(1, brokers.length);
    if (brokers.length === 0) super[kGetBootstrapConnection](callback, attempt);
    else this.connections.getFirstAvailable([...brokers.slice(turn), ...brokers.slice(0, turn)], callback);
  }
}

/**
 * Within one send the library's retries are exact: they keep their sequence numbers, so Kafka drops
 * duplicates. They go on while a record may be in the log, and end if it certainly is not.
 */
export class PersistentProducer extends InformedProducer {
  readonly #patience: number;

  constructor(options: ProducerOptions<Bytes, Bytes, Bytes, Bytes>, cluster: Cluster, patience: number) {
    super(options, cluster);
    this.#patience = patience;
  }

  override [kPerformWithRetry]<Result>(
    id: string,
    operation: (callback: Callback<Result>, attempt: number) => void,
    callback: CallbackWithPromise<Result>,
    attempt = 0,
    errors: Error[] = [],
    skip?: (error: Error) => boolean,
    limit?: number,
    // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- the library's own type
  ): void | Promise<Result> {
    if (id !== "produce" || attempt > 0)
      return super[kPerformWithRetry](id, operation, callback, attempt, errors, skip, limit);
    const end = Date.now() + this.#patience;
    const enough = (): boolean => Date.now() > end || errors.every(notAppended);
    return super[kPerformWithRetry](id, operation, callback, 0, errors, enough, Number.MAX_SAFE_INTEGER);
  }
}

export class InformedConsumer extends Consumer {
  readonly #cluster: Cluster;

  constructor(options: ConsumerOptions<Bytes, Bytes, Bytes, Bytes>, cluster: Cluster) {
    super(options);
    this.#cluster = cluster;
  }

  override [kMetadata](options: MetadataOptions, callback: CallbackWithPromise<ClusterMetadata>): void {
    tell(this.#cluster, callback, options.topics);
  }
}

