/** Reads the reply topic: every partition that has a leader, from its end, without a group. */

import { setTimeout as delay } from "node:timers/promises";
import { findErrorBy, ResponseError, type Consumer, type fetchV17 } from "@platformatic/kafka";
import type { Logger } from "pino";
import { name } from "./broker.ts";
import type { Cluster } from "./cluster.ts";
import { diagnose } from "./diagnose.ts";
import type { Faults } from "./faults.ts";
import type { Settings } from "./settings.ts";

const POLL_MS = 1000;
const RETRY_MS = 200;
const READ_COMMITTED = 1;
const OFFSET_OUT_OF_RANGE = 1;
const CLOCKS_DIFFER_MS = 60_000;

/** The header that matches a reply to its question. */
export const CORRELATION_ID = "kafka_correlationId";

type FetchResponse = ReturnType<typeof fetchV17.parseResponse>;

/** Called with each reply. */
export type Listener = (correlationId: string, value: Buffer) => void;

/** Reads the reply topic, in a loop for each leading broker; resumes after an outage. */
export class Replies {
  readonly #consumer: Consumer;
  readonly #settings: Settings;
  readonly #topic: string;
  readonly #cluster: Cluster;
  readonly #faults: Faults;
  readonly #listener: Listener;
  readonly #log: Logger;
  readonly #started = Date.now();
  readonly #positions = new Map<number, bigint>();
  readonly #followed = new Set<number>();
  readonly #loops = new Map<number, Promise<void>>();
  #topicId = "";
  #turn = 0;
  #begun = false;
  #stopped = false;

  constructor(
    consumer: Consumer,
    settings: Settings,
    cluster: Cluster,
    faults: Faults,
    listener: Listener,
    log: Logger,
  ) {
    this.#consumer = consumer;
    this.#settings = settings;
    this.#topic = settings.REPLIES_TOPIC;
    this.#cluster = cluster;
    this.#faults = faults;
    this.#listener = listener;
    this.#log = log;
    consumer.topics.track(this.#topic);
    cluster.onChange(() => {
      this.#arrange();
    });
  }

  /** Whether any partition is read now. */
  get heard(): boolean {
    return this.#heard().length > 0;
  }

  /** A partition that is read now, each in turn. */
  choose(): number | undefined {
    const heard = this.#heard();
    return heard[this.#turn++ % heard.length];
  }

  #heard(): number[] {
    return this.#cluster.led(this.#topic).filter((partition) => this.#followed.has(partition));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#consumer.close();
    await Promise.all(this.#loops.values());
  }

  /** Start a loop for each broker that leads a partition. */
  #arrange(): void {
    const id = this.#cluster.metadata?.topics.get(this.#topic)?.id ?? this.#topicId;
    if (id !== this.#topicId) this.#positions.clear(); // recreated: another log
    this.#topicId = id;
    for (const partition of this.#cluster.led(this.#topic)) {
      const node = this.#cluster.leader(this.#topic, partition);
      if (!this.#loops.has(node) && !this.#stopped) this.#loops.set(node, this.#read(node));
    }
  }

  /** Read the partitions that a broker leads, until it leads none. */
  async #read(node: number): Promise<void> {
    let patience = 0; // the first fetch returns at once, which shows that reading is allowed
    for (;;) {
      const partitions = this.#partitions(node);
      if (this.#stopped || partitions.length === 0) break;
      try {
        await this.#seek(partitions);
        this.#take(node, await this.#fetch(node, partitions, patience));
        if (patience === 0) this.#faults.see(`replies of ${node}`, []);
        for (const partition of this.#partitions(node))
          if (partitions.includes(partition)) this.#found(partition);
        patience = POLL_MS;
      } catch (error) {
        this.#lost(node, partitions, error, patience === 0);
        patience = 0;
        await delay(RETRY_MS);
      }
    }
    this.#loops.delete(node);
    this.#faults.see(`replies of ${node}`, []);
  }

  #partitions(node: number): number[] {
    const led = this.#cluster.led(this.#topic);
    return led.filter((partition) => this.#cluster.leader(this.#topic, partition) === node);
  }

  /** Begin at the end of the log, once: earlier records are not for this gateway. */
  async #seek(partitions: number[]): Promise<void> {
    const unknown = partitions.filter((partition) => !this.#positions.has(partition));
    if (unknown.length === 0) return;
    const begun = this.#begun; // no question was asked before that
    const options = { topics: [this.#topic], partitions: { [this.#topic]: unknown } };
    const ends = (await this.#consumer.listOffsets(options)).get(this.#topic);
    // A partition that is new, or had no leader, may hold replies already.
    const timestamp = BigInt(this.#started - CLOCKS_DIFFER_MS);
    const since = begun
      ? (await this.#consumer.listOffsets({ ...options, timestamp })).get(this.#topic)
      : undefined;
    for (const partition of unknown) {
      const [end = 0n, start = -1n] = [ends?.[partition], since?.[partition]];
      this.#positions.set(partition, start < 0n ? end : start);
    }
  }

  #fetch(node: number, partitions: number[], maxWaitTime: number): Promise<FetchResponse> {
    return this.#consumer.fetch({
      node,
      maxWaitTime,
      minBytes: 1,
      maxBytes: 16 * 1024 * 1024,
      isolationLevel: READ_COMMITTED,
      topics: [
        {
          topicId: this.#topicId,
          partitions: partitions.map((partition) => ({
            partition,
            fetchOffset: this.#positions.get(partition) ?? 0n,
            partitionMaxBytes: 1024 * 1024,
            currentLeaderEpoch: -1,
            lastFetchedEpoch: -1,
          })),
        },
      ],
    });
  }

  #take(node: number, { responses }: FetchResponse): void {
    for (const { partitions } of responses)
      for (const { partitionIndex: partition, records } of partitions) {
        // A broker that was paused may deliver what its successor has delivered already.
        if (this.#cluster.leader(this.#topic, partition) !== node) continue;
        for (const batch of records ?? []) {
          this.#positions.set(partition, batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n);
          for (const record of batch.records) this.#hand(record);
        }
      }
  }

  #hand(record: { headers: [Buffer | null, Buffer | null][]; value: Buffer | null }): void {
    const ids = record.headers.filter(([key]) => key?.toString() === CORRELATION_ID);
    const id = ids.at(-1)?.[1]?.toString("latin1");
    if (id !== undefined && record.value !== null) this.#listener(id, record.value);
  }

  #found(partition: number): void {
    this.#followed.add(partition);
    if (!this.#begun) this.#log.info({ topic: this.#topic }, "reading replies");
    this.#begun = true;
  }

  #lost(node: number, partitions: number[], error: unknown, again: boolean): void {
    if (this.#stopped) return;
    for (const partition of partitions) this.#followed.delete(partition);
    // The log was truncated or recreated: newer records are found by time.
    if (findErrorBy(error as Error, "apiId", "OFFSET_OUT_OF_RANGE")) this.#forget(error);
    this.#cluster.suspect(node);
    // Kafka answered that the leader moved or reading is forbidden: the next metadata will show it.
    const broker = this.#cluster.metadata?.brokers.get(node);
    if (again && broker !== undefined && !(error instanceof ResponseError))
      this.#faults.see(`replies of ${node}`, [
        { ...diagnose(error, name(broker), this.#settings), partial: this.heard },
      ]);
  }

  #forget(error: unknown): void {
    if (!(error instanceof ResponseError)) return;
    for (const { partitions } of (error["response"] as FetchResponse).responses)
      for (const { partitionIndex, errorCode } of partitions)
        if (errorCode === OFFSET_OUT_OF_RANGE) this.#positions.delete(partitionIndex);
  }
}
