/** Request/reply over Kafka: thousands of questions in flight over one reply topic. */

import { randomBytes } from "node:crypto";
import type { MessageToProduce, Producer } from "@platformatic/kafka";
import type { Logger } from "pino";
import { decode, encode, isObject } from "./json.ts";
import { questionsProducer, reason, repliesConsumer } from "./kafka.ts";
import type { Metrics } from "./metrics.ts";
import { isCode, Problem } from "./problem.ts";
import { Replies } from "./replies.ts";
import type { Settings } from "./settings.ts";

export type Method = "predict" | "train" | "describe" | "learn";
export type Params = Record<string, unknown>;
export type Reply = Record<string, unknown>;

/** Ask the service; rejects with a Problem that says what went wrong. */
export type Ask = (method: Method, params: Params) => Promise<Reply>;

const MAX_IN_FLIGHT = 10_000;

const CORRELATION_ID = Buffer.from("correlation_id");
const REPLY_TO = Buffer.from("reply_to");
const DEADLINE = Buffer.from("deadline");

interface Waiting {
  resolve: (reply: Reply) => void;
  reject: (problem: Problem) => void;
}

/** Asks the service. Any number of gateways may share the reply topic: ids are random. */
export class Client {
  readonly #settings: Settings;
  readonly #metrics: Metrics;
  readonly #producer: Producer;
  readonly #replies: Replies;
  readonly #waiting = new Map<string, Waiting>();
  readonly #prefix = `${randomBytes(12).toString("base64url")}.`;
  #batch = new Map<string, MessageToProduce>();
  #asked = 0;

  constructor(settings: Settings, metrics: Metrics, log: Logger) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#producer = questionsProducer(settings);
    this.#replies = new Replies(
      repliesConsumer(settings),
      settings.REPLIES_TOPIC,
      {
        reply: (id, value) => {
          this.#settle(id, value);
        },
        away: (why) => {
          this.#failAll(why);
        },
      },
      log,
    );
    metrics.inFlight("questions", () => this.#waiting.size);
  }

  /** @throws {Problem} Kafka is known to be away: nobody has to wait to learn that. */
  check(): void {
    const why = this.#replies.fault;
    if (why !== undefined) throw new Problem("kafka-away", `no reply can be read: ${why}`);
  }

  start(): void {
    this.#replies.start();
  }

  async stop(): Promise<void> {
    await this.#replies.stop();
    await this.#producer.close();
  }

  readonly ask: Ask = async (method, params) => {
    const value = encode({ method, params });
    this.check();
    if (this.#waiting.size >= MAX_IN_FLIGHT)
      throw new Problem("too-many-requests", `${MAX_IN_FLIGHT} questions are in flight`);
    const id = this.#prefix + (this.#asked++).toString(36);
    const timeout = this.#settings.REQUEST_TIMEOUT_MS;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, { resolve, reject });
    const timer = setTimeout(() => {
      reject(new Problem("timeout", `no answer within ${timeout} ms: is the service running?`));
    }, timeout);
    try {
      this.#send(id, value, Date.now() + timeout);
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  };

  /** Questions of one turn of the event loop go out together: one request to Kafka for all. */
  #send(id: string, value: Buffer, deadline: number): void {
    if (this.#batch.size === 0) setImmediate(() => void this.#flush());
    this.#batch.set(id, {
      topic: this.#settings.REQUESTS_TOPIC,
      value,
      headers: new Map([
        [CORRELATION_ID, Buffer.from(id)],
        [REPLY_TO, Buffer.from(this.#settings.REPLIES_TOPIC)],
        [DEADLINE, Buffer.from(String(deadline))],
      ]),
    });
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = new Map();
    try {
      await this.#producer.send({ messages: [...batch.values()] });
    } catch (error) {
      const why = `Kafka did not take the question: ${reason(error)}`;
      for (const id of batch.keys()) this.#waiting.get(id)?.reject(new Problem("kafka-away", why));
    }
  }

  #settle(id: string, value: Buffer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) {
      if (id.startsWith(this.#prefix)) this.#metrics.lateReply();
      return;
    }
    const reply = parse(value);
    if (reply instanceof Problem) waiting.reject(reply);
    else waiting.resolve(reply);
  }

  #failAll(why: string): void {
    for (const { reject } of this.#waiting.values())
      reject(new Problem("kafka-away", `Kafka went away before the answer came: ${why}`));
  }
}

/** A reply's bytes to the reply, or to the refusal that it carries. */
export function parse(value: Buffer): Reply | Problem {
  let reply: unknown;
  try {
    reply = decode(value);
  } catch {
    reply = undefined;
  }
  if (!isObject(reply)) return new Problem("internal", "the service's reply is no JSON object");
  if (!("error" in reply)) return reply;
  const { code, message } = isObject(reply["error"]) ? reply["error"] : {};
  const detail = typeof message === "string" ? message : "the service gave no reason";
  return new Problem(isCode(code) ? code : "internal", detail);
}
