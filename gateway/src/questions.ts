/** Sends questions: those of one turn of the event loop together, again if a leader fails. */

import type { Producer } from "@platformatic/kafka";
import type { Message } from "./appender.ts";
import { MAX_BATCH_BYTES } from "./batch.ts";
import type { Cluster } from "./cluster.ts";
import { reason } from "./diagnose.ts";
import { final } from "./doubt.ts";
import type { Faults } from "./faults.ts";
import { Problem } from "./problem.ts";

const AGAIN_MS = 100;

/** A question, which may be sent twice: answering it changes nothing. */
export interface Question {
  readonly message: Message;
  readonly reject: (problem: Problem) => void;
  /** Whether its caller has stopped waiting. */
  over: boolean;
}

export class Questions {
  readonly #topic: string;
  readonly #producer: Producer;
  readonly #cluster: Cluster;
  readonly #faults: Faults;
  readonly #batch = new Set<Question>();

  constructor(topic: string, producer: Producer, cluster: Cluster, faults: Faults) {
    this.#topic = topic;
    this.#producer = producer;
    this.#cluster = cluster;
    this.#faults = faults;
  }

  /** Send a question until Kafka has it or its caller gives up; may be called again. */
  send(question: Question): void {
    if (this.#batch.size === 0) setImmediate(this.#flush);
    this.#batch.add(question);
  }

  async stop(): Promise<void> {
    await this.#producer.close();
  }

  /** Send all in one request to Kafka, each to the next partition that has a leader. */
  readonly #flush = (): void => {
    const questions = [...this.#batch].filter(({ over }) => !over);
    this.#batch.clear();
    let [first, bytes] = [0, 0];
    for (const [number, { message }] of questions.entries()) {
      bytes += message.value.length;
      if (bytes <= MAX_BATCH_BYTES || number === first) continue;
      void this.#deliver(questions.slice(first, number));
      [first, bytes] = [number, message.value.length];
    }
    void this.#deliver(questions.slice(first));
  };

  async #deliver(questions: readonly Question[]): Promise<void> {
    if (questions.length === 0) return;
    const partition = this.#cluster.choose(this.#topic);
    if (partition === undefined) {
      this.#later(questions);
      return;
    }
    const leader = this.#cluster.leader(this.#topic, partition);
    try {
      const messages = questions.map(({ message }) => ({ ...message, topic: this.#topic, partition }));
      await this.#producer.send({ messages });
    } catch (error) {
      this.#cluster.suspect(leader);
      if (final(error)) this.#fail(questions, error);
      else this.#later(questions);
    }
  }

  #later(questions: readonly Question[]): void {
    setTimeout(() => {
      for (const question of questions) if (!question.over) this.send(question);
    }, AGAIN_MS);
  }

  #fail(questions: readonly Question[], error: unknown): void {
    const sentence = `questions for ${this.#topic} were not accepted`;
    this.#faults.note({ kind: "other", sentence }, reason(error));
    for (const { reject } of questions) reject(new Problem("kafka-away", "Kafka has not accepted the question"));
  }
}
