/** The storm's way in: batches of events, straight to the events topic. */

import { randomInt } from "node:crypto";
import type { Producer } from "@platformatic/kafka";
import { MAX_BATCH_BYTES, MAX_BATCH_EVENTS } from "./batch.ts";
import { eventsProducer, reason } from "./kafka.ts";
import { Problem } from "./problem.ts";
import type { Settings } from "./settings.ts";

interface Batch {
  values: Buffer[];
  resolve: (value: undefined) => void;
  reject: (problem: Problem) => void;
}

/**
 * Sends batches one after the other; those that came meanwhile go together.
 *
 * What goes together goes to one partition, as one record batch: Kafka takes all of it or nothing.
 */
export class Events {
  readonly #topic: string;
  readonly #timeout: number;
  readonly #producer: Producer;
  readonly #waiting = new Set<Batch>();
  #sending = false;
  #partition = randomInt(1 << 16);

  constructor(settings: Settings) {
    this.#topic = settings.EVENTS_TOPIC;
    this.#timeout = settings.REQUEST_TIMEOUT_MS;
    this.#producer = eventsProducer(settings);
  }

  /**
   * Resolves when Kafka has the events.
   *
   * @throws {Problem} Kafka did not say in time that it has them.
   */
  async send(values: Buffer[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const batch = { values, resolve, reject };
    const timer = setTimeout(() => {
      this.#waiting.delete(batch);
      reject(new Problem("timeout", `Kafka has not confirmed within ${this.#timeout} ms`));
    }, this.#timeout);
    this.#waiting.add(batch);
    void this.#run();
    await promise.finally(() => {
      clearTimeout(timer);
    });
  }

  async stop(): Promise<void> {
    await this.#producer.close();
  }

  async #run(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    while (this.#waiting.size > 0) await this.#deliver(this.#next());
    this.#sending = false;
  }

  /** The batches at the head of the line that fit into one, at least the first. */
  #next(): Batch[] {
    const next: Batch[] = [];
    let [count, bytes] = [0, 0];
    for (const batch of this.#waiting) {
      count += batch.values.length;
      bytes += batch.values.reduce((sum, value) => sum + value.length, 0);
      if (next.length > 0 && (count > MAX_BATCH_EVENTS || bytes > MAX_BATCH_BYTES)) break;
      this.#waiting.delete(batch);
      next.push(batch);
    }
    return next;
  }

  async #deliver(batches: Batch[]): Promise<void> {
    const partition = this.#partition++; // the library takes it modulo the number of partitions
    const messages = batches
      .flatMap(({ values }) => values)
      .map((value) => ({ topic: this.#topic, partition, value }));
    try {
      if (messages.length > 0) await this.#producer.send({ messages });
      for (const { resolve } of batches) resolve(undefined);
    } catch (error) {
      const problem = new Problem("kafka-away", `Kafka has not confirmed: ${reason(error)}`);
      for (const { reject } of batches) reject(problem);
    }
  }
}
