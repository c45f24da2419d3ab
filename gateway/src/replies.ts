/** The loop over the reply topic: all of it, from its end, without a group. */

import { setTimeout as delay } from "node:timers/promises";
import { findErrorBy, type Consumer } from "@platformatic/kafka";
import type { Logger } from "pino";
import { reason } from "./kafka.ts";

const POLL_MS = 1000;
const RETRY_MS = 250;
const READ_COMMITTED = 1;

/** What the loop tells: each reply, and when nobody can be answered any more. */
export interface Listener {
  reply: (correlationId: string, value: Buffer) => void;
  away: (why: string) => void;
}

interface Leader {
  node: number;
  topicId: string;
  partitions: number[];
}

/** Reads every partition of the reply topic; goes on from where it was after an outage. */
export class Replies {
  readonly #consumer: Consumer;
  readonly #topic: string;
  readonly #listener: Listener;
  readonly #log: Logger;
  readonly #positions = new Map<number, bigint>();
  #fault: string | undefined = "Kafka has not been reached yet";
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(consumer: Consumer, topic: string, listener: Listener, log: Logger) {
    this.#consumer = consumer;
    this.#topic = topic;
    this.#listener = listener;
    this.#log = log;
    consumer.topics.track(topic);
  }

  /** Why no reply can be read now; undefined while all partitions are followed. */
  get fault(): string | undefined {
    return this.#fault;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#consumer.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#follow();
      } catch (error) {
        this.#lost(reason(error));
        this.#consumer.clearMetadata();
        await delay(RETRY_MS);
      }
    }
  }

  /** Follow all partitions until the topic's layout changes or one cannot be read. */
  async #follow(): Promise<void> {
    const leaders = await this.#leaders();
    await this.#seek(leaders.flatMap(({ partitions }) => partitions));
    const layout = JSON.stringify(leaders);
    await Promise.all(leaders.map((leader) => this.#fetch(leader, 0))); // it is allowed to
    this.#found();
    const turn = { over: false };
    const loops = leaders.map(async (leader) => {
      try {
        while (!turn.over && !this.#stopped) {
          await this.#fetch(leader, POLL_MS);
          turn.over ||= JSON.stringify(await this.#leaders()) !== layout;
        }
      } catch (error) {
        turn.over = true;
        this.#lost(reason(error));
        throw error;
      }
    });
    const ends = await Promise.allSettled(loops);
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }

  /** Which broker leads which partitions; the library asks Kafka every few seconds. */
  async #leaders(): Promise<Leader[]> {
    const metadata = await this.#consumer.metadata({ topics: [this.#topic] });
    const topic = metadata.topics.get(this.#topic);
    if (topic === undefined) throw new Error(`there is no topic ${this.#topic}`);
    const leaders = new Map<number, Leader>();
    for (const [partition, { leader: node }] of topic.partitions.entries()) {
      if (node < 0) throw new Error(`partition ${partition} of ${this.#topic} has no leader`);
      const leader = leaders.get(node) ?? { node, topicId: topic.id, partitions: [] };
      leader.partitions.push(partition);
      leaders.set(node, leader);
    }
    return [...leaders.values()];
  }

  /** Begin at the log's end, once: what came before is for nobody here. */
  async #seek(partitions: number[]): Promise<void> {
    if (partitions.every((partition) => this.#positions.has(partition))) return;
    const ends = (await this.#consumer.listOffsets({ topics: [this.#topic] })).get(this.#topic);
    // A partition that is added later may hold replies already.
    const later = this.#positions.size > 0;
    for (const partition of partitions)
      if (!this.#positions.has(partition))
        this.#positions.set(partition, later ? 0n : (ends?.[partition] ?? 0n));
  }

  async #fetch({ node, topicId, partitions }: Leader, maxWaitTime: number): Promise<void> {
    const response = await this.#consumer
      .fetch({
        node,
        maxWaitTime,
        minBytes: 1,
        maxBytes: 16 * 1024 * 1024,
        isolationLevel: READ_COMMITTED,
        topics: partitions.map((partition) => ({
          topicId,
          partitions: [
            {
              partition,
              fetchOffset: this.#positions.get(partition) ?? 0n,
              partitionMaxBytes: 1024 * 1024,
              currentLeaderEpoch: -1,
              lastFetchedEpoch: -1,
            },
          ],
        })),
      })
      .catch((error: unknown) => {
        // The log was cut or made anew: its end is the place to go on from.
        if (findErrorBy(error as Error, "apiId", "OFFSET_OUT_OF_RANGE")) this.#positions.clear();
        throw error;
      });
    for (const { partitions: answered } of response.responses)
      for (const { partitionIndex, records } of answered)
        for (const batch of records ?? []) {
          this.#positions.set(partitionIndex, batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n);
          for (const record of batch.records) this.#hand(record);
        }
  }

  #hand(record: { headers: [Buffer | null, Buffer | null][]; value: Buffer | null }): void {
    const ids = record.headers.filter(([key]) => key?.toString() === "correlation_id");
    const id = ids.at(-1)?.[1]?.toString("latin1");
    if (id !== undefined && record.value !== null) this.#listener.reply(id, record.value);
  }

  #found(): void {
    this.#log.info({ topic: this.#topic }, "replies are read");
    this.#fault = undefined;
  }

  #lost(why: string): void {
    if (this.#stopped) return;
    if (this.#fault === undefined) this.#log.warn({ why }, "replies cannot be read");
    this.#fault = why;
    this.#listener.away(why);
  }
}
