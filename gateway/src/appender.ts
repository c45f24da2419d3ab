/** Appends records that must not be duplicated: batches of events, and learning by request. */

import { setTimeout as delay } from "node:timers/promises";
import type { MessageToProduce, Producer, ProduceResult } from "@platformatic/kafka";
import { MAX_BATCH_BYTES, MAX_BATCH_EVENTS } from "./batch.ts";
import type { Cluster } from "./cluster.ts";
import { reason } from "./diagnose.ts";
import { final, notAppended } from "./doubt.ts";
import type { Faults } from "./faults.ts";
import type { Positions } from "./positions.ts";
import { Problem } from "./problem.ts";

const PATIENCE_MS = 250;
const AGAIN_MS = 50;
const HEADERS_BYTES = 400;

/** A record without topic and partition. */
export type Message = Pick<MessageToProduce, "headers"> & { value: Buffer };

interface Batch {
  readonly messages: Message[];
  readonly resolve: (positions: Positions) => void;
  readonly reject: (problem: Problem) => void;
  /** Whether its caller has stopped waiting. */
  over: boolean;
}

/**
 * Sends batches one after the other; batches that arrive meanwhile are sent together.
 *
 * Those go to one partition, as one record batch, which Kafka takes as a whole or not at all. While a
 * leader does not answer, later batches go to other partitions. A batch that certainly is in no log
 * follows them; one that may be in a log is retried there alone.
 */
export class Appender {
  readonly #topic: string;
  readonly #timeout: number;
  readonly #producer: Producer;
  readonly #cluster: Cluster;
  readonly #faults: Faults;
  readonly #waiting = new Set<Batch>();
  readonly #busy = new Set<number>();
  #sending = false;

  constructor(topic: string, timeout: number, producer: Producer, cluster: Cluster, faults: Faults) {
    this.#topic = topic;
    this.#timeout = timeout;
    this.#producer = producer;
    this.#cluster = cluster;
    this.#faults = faults;
  }

  /** Whether Kafka accepts events now. */
  get ready(): boolean {
    return this.#cluster.serves(this.#topic);
  }

  /** Fail fast. @throws {Problem} Kafka is known not to accept events now. */
  check(): void {
    if (!this.ready) throw new Problem("kafka-away", "Kafka is not accepting events now");
  }

  /**
   * Resolves when Kafka has acknowledged the messages.
   *
   * @returns The offset after the last of them, by partition; empty if Kafka does not tell.
   * @throws {Problem} Kafka did not acknowledge them in time.
   */
  async send(messages: Message[]): Promise<Positions> {
    if (messages.length === 0) return {};
    const { promise, resolve, reject } = Promise.withResolvers<Positions>();
    const batch = { messages, resolve, reject, over: false };
    const timer = setTimeout(() => {
      reject(new Problem("timeout", `Kafka has not confirmed within ${this.#timeout} ms`));
    }, this.#timeout);
    this.#line(batch);
    return promise.finally(() => {
      clearTimeout(timer);
      batch.over = true;
      this.#waiting.delete(batch);
    });
  }

  async stop(): Promise<void> {
    await this.#producer.close();
  }

  #line(batch: Batch): void {
    if (batch.over) return;
    this.#waiting.add(batch);
    if (!this.#sending) void this.#run();
  }

  async #run(): Promise<void> {
    this.#sending = true;
    while (this.#waiting.size > 0) {
      const partition = this.#cluster.choose(this.#topic, this.#busy);
      if (partition === undefined) await delay(AGAIN_MS);
      else await Promise.race([this.#deliver(this.#next(), partition), delay(PATIENCE_MS)]);
    }
    this.#sending = false;
  }

  /** The first waiting batches that fit into one; at least one. */
  #next(): Batch[] {
    const next: Batch[] = [];
    let [count, bytes] = [0, 0];
    for (const batch of this.#waiting) {
      count += batch.messages.length;
      bytes += batch.messages.reduce((sum, message) => sum + size(message), 0);
      if (next.length > 0 && (count > MAX_BATCH_EVENTS || bytes > MAX_BATCH_BYTES)) break;
      this.#waiting.delete(batch);
      next.push(batch);
    }
    return next;
  }

  async #deliver(batches: Batch[], partition: number): Promise<void> {
    const messages = batches
      .flatMap(({ messages }) => messages)
      .map((message) => ({ ...message, topic: this.#topic, partition }));
    const leader = this.#cluster.leader(this.#topic, partition);
    this.#busy.add(partition);
    try {
      let end = firstOffset(await this.#producer.send({ messages }));
      for (const { messages: own, resolve } of batches) {
        end = end === undefined ? undefined : end + BigInt(own.length);
        resolve(end === undefined ? {} : { [partition]: Number(end) });
      }
    } catch (error) {
      this.#cluster.suspect(leader);
      if (notAppended(error) && !final(error)) {
        await delay(AGAIN_MS);
        for (const batch of batches) this.#line(batch);
      } else this.#fail(batches, error);
    } finally {
      this.#busy.delete(partition);
    }
  }

  #fail(batches: Batch[], error: unknown): void {
    const sentence = `records for ${this.#topic} were not confirmed`;
    this.#faults.note({ kind: "other", sentence }, reason(error));
    const doubt = notAppended(error) ? "has not accepted it" : "has not confirmed it: it may or may not be there";
    for (const { reject } of batches) reject(new Problem("kafka-away", `Kafka ${doubt}`));
  }
}

/** The offset of the first message of a request to one partition; a repeat may have none. */
function firstOffset({ offsets }: ProduceResult): bigint | undefined {
  const offset = offsets?.[0]?.offset;
  return offset !== undefined && offset >= 0n ? offset : undefined;
}

function size({ value, headers }: Message): number {
  return value.length + (headers === undefined ? 0 : HEADERS_BYTES);
}
