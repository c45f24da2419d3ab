/** Asks brokers for cluster metadata, and finds out why one does not answer. */

import {
  Base,
  kGetApi,
  kGetBootstrapConnection,
  parseBroker,
  ResponseError,
  type BaseOptions,
  type Broker,
  type Callback,
  type ClusterMetadata,
  type Connection,
  type metadataV12,
} from "@platformatic/kafka";
import { name } from "./broker.ts";

const DEFAULT_PORT = 9092;
const TIMEOUT_MS = 4000;

type MetadataRequest = Parameters<typeof metadataV12.createRequest>;
export type MetadataResponse = ReturnType<typeof metadataV12.parseResponse>;

export class Scout extends Base {
  readonly #bootstrap: readonly Broker[];
  readonly #said = new Map<string, Error>();
  #first: Broker | undefined;
  #turn = 0;

  constructor(options: BaseOptions, servers: readonly string[]) {
    super({ ...options, retries: 0, requestTimeout: TIMEOUT_MS });
    this.#bootstrap = servers.map((server) => parseBroker(server, DEFAULT_PORT));
    // TLS reports only after connecting that our certificate was refused.
    this.on("client:broker:connect", ({ broker, connection }) => {
      connection.once("error", (error) => this.#said.set(name(broker), error));
    });
  }

  /** The brokers to ask; the one that answered last comes first. */
  brokers(known?: ClusterMetadata): Broker[] {
    const first = this.#first === undefined ? [] : [this.#first];
    const all = [...first, ...(known?.brokers.values() ?? []), ...this.#bootstrap];
    return [...new Map(all.map((broker) => [name(broker), broker])).values()];
  }

  /** A broker's metadata of topics; errors of single topics are part of it. */
  async ask(broker: Broker, topics: string[]): Promise<MetadataResponse> {
    try {
      const connection = await this.connections.get(broker);
      const response = await this.#metadata(connection, topics);
      this.#first = broker;
      this.#said.delete(name(broker));
      return response;
    } catch (error) {
      if (this.#first === broker) this.#first = undefined;
      throw this.#said.get(name(broker)) ?? error;
    }
  }

  #metadata(connection: Connection, topics: string[]): Promise<MetadataResponse> {
    return new Promise((resolve, reject) => {
      this[kGetApi]<MetadataRequest, MetadataResponse>("Metadata", (failure, api) => {
        if (failure || api === undefined) {
          reject(failure ?? new Error("Kafka knows no Metadata"));
          return;
        }
        api(connection, topics, false, true, (error, response) => {
          // The library treats a partition without a leader as an error.
          if (error instanceof ResponseError) resolve(error["response"] as MetadataResponse);
          else if (error || response === undefined) reject(error ?? new Error("no answer"));
          else resolve(response);
        });
      });
    });
  }

  /** Ask for the API versions, of another broker each time. */
  override [kGetBootstrapConnection](callback: Callback<Connection>): void {
    const brokers = this.brokers();
    const turn = this.#turn++ % brokers.length;
    this.connections.getFirstAvailable([...brokers.slice(turn), ...brokers.slice(0, turn)], callback);
  }
}

