/** The storm's way in: batches of events, straight to the events topic. */

import { randomInt } from "node:crypto";
import type { Producer } from "@platformatic/kafka";
import { eventsProducer, reason } from "./kafka.ts";
import { Problem } from "./problem.ts";
import type { Settings } from "./settings.ts";

/** Sends batches; each goes to one partition, so that Kafka takes all of it or nothing. */
export class Events {
  readonly #topic: string;
  readonly #timeout: number;
  readonly #producer: Producer;
  #next = randomInt(1 << 16);

  constructor(settings: Settings) {
    this.#topic = settings.EVENTS_TOPIC;
    this.#timeout = settings.REQUEST_TIMEOUT_MS;
    this.#producer = eventsProducer(settings);
  }

  /**
   * Resolves when Kafka has the events.
   *
   * @throws {Problem} Kafka did not say that it has them.
   */
  async send(values: Buffer[]): Promise<void> {
    if (values.length === 0) return;
    const partition = this.#next++; // the library takes it modulo the number of partitions
    const messages = values.map((value) => ({ topic: this.#topic, partition, value }));
    const sent = this.#producer.send({ messages }).catch((error: unknown) => {
      throw new Problem("kafka-away", `Kafka did not confirm the events: ${reason(error)}`);
    });
    await within(this.#timeout, sent);
  }

  async stop(): Promise<void> {
    await this.#producer.close();
  }
}

async function within(timeout: number, sent: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Problem("timeout", `Kafka did not confirm the events within ${timeout} ms`));
    }, timeout);
  });
  try {
    await Promise.race([sent, late]);
  } finally {
    clearTimeout(timer);
  }
}
