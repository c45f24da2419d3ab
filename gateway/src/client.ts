/** Request/reply over Kafka: thousands of questions in flight over one reply topic. */

import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import { Appender, type Message } from "./appender.ts";
import type { Cluster } from "./cluster.ts";
import type { Faults } from "./faults.ts";
import { decode, encode, isObject } from "./json.ts";
import { appendingProducer, questionsProducer, repliesConsumer } from "./kafka.ts";
import type { Metrics } from "./metrics.ts";
import { isCode, Problem } from "./problem.ts";
import { Questions, type Question } from "./questions.ts";
import { CORRELATION_ID, Replies } from "./replies.ts";
import type { Settings } from "./settings.ts";
import type { Tokens } from "./token.ts";
import { recordHeaders, type Trace } from "./trace.ts";

export type Method = "predict" | "train" | "describe" | "learn";
export type Params = Record<string, unknown>;
export type Reply = Record<string, unknown>;

/** Ask the service; rejects with a Problem that says what went wrong. */
export type Ask = (method: Method, params: Params, trace?: Trace) => Promise<Reply>;

const MAX_IN_FLIGHT = 10_000;

// Spring's dialect (contract/messages.py): it names the partition of the reply.
const REPLY_TOPIC = Buffer.from("kafka_replyTopic");
const REPLY_PARTITION = Buffer.from("kafka_replyPartition");
const DEADLINE = Buffer.from("deadline");

const AWAY = "the gateway cannot reach the service through Kafka now; its log says why";

interface Waiting extends Question {
  readonly resolve: (reply: Reply) => void;
  /** Whether it is an event to learn: then it is appended once, and never sent again. */
  readonly teaches: boolean;
}

/** Asks the service. Any number of gateways may share the reply topic: ids are random. */
export class Client {
  readonly #settings: Settings;
  readonly #metrics: Metrics;
  readonly #cluster: Cluster;
  readonly #questions: Questions;
  readonly #lessons: Appender;
  readonly #replies: Replies;
  readonly #waiting = new Map<string, Waiting>();
  readonly #prefix = `${randomBytes(12).toString("base64url")}.`;
  #asked = 0;

  constructor(
    settings: Settings,
    cluster: Cluster,
    faults: Faults,
    metrics: Metrics,
    log: Logger,
    tokens?: Tokens,
  ) {
    const { REQUESTS_TOPIC: topic, REQUEST_TIMEOUT_MS: timeout } = settings;
    this.#settings = settings;
    this.#metrics = metrics;
    this.#cluster = cluster;
    this.#questions = new Questions(topic, questionsProducer(settings, cluster, tokens), cluster, faults);
    const producer = appendingProducer(settings, cluster, tokens);
    this.#lessons = new Appender(topic, timeout, producer, cluster, faults);
    const consumer = repliesConsumer(settings, cluster, tokens);
    const settle = this.#settle.bind(this);
    this.#replies = new Replies(consumer, settings, cluster, faults, settle, log);
    cluster.onChange(() => {
      this.#askAgain();
    });
    metrics.inFlight("questions", () => this.#waiting.size);
  }

  /** Whether questions can be sent and replies received. */
  get ready(): boolean {
    const { REQUESTS_TOPIC, REPLIES_TOPIC } = this.#settings;
    return this.#cluster.serves(REQUESTS_TOPIC) && this.#cluster.serves(REPLIES_TOPIC) && this.#replies.heard;
  }

  /** Fail fast. @throws {Problem} Kafka is known to be away. */
  check(): void {
    if (!this.ready) throw new Problem("kafka-away", AWAY);
  }

  async stop(): Promise<void> {
    await this.#replies.stop();
    await Promise.all([this.#questions.stop(), this.#lessons.stop()]);
  }

  readonly ask: Ask = async (method, params, trace = {}) => {
    const value = encode({ method, params });
    this.check();
    if (this.#waiting.size >= MAX_IN_FLIGHT)
      throw new Problem("too-many-requests", `${MAX_IN_FLIGHT} questions are in flight`);
    const id = this.#prefix + (this.#asked++).toString(36);
    const timeout = this.#settings.REQUEST_TIMEOUT_MS;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const write = this.#headers.bind(this, id, Date.now() + timeout, trace);
    const message: Message = {
      value,
      // Written at each send: the partition chosen before may have lost its leader.
      get headers() {
        return write();
      },
    };
    const waiting: Waiting = { message, resolve, reject, teaches: method === "learn", over: false };
    this.#waiting.set(id, waiting);
    const timer = setTimeout(() => {
      reject(this.#late(waiting));
    }, timeout);
    if (waiting.teaches) this.#lessons.send([message]).catch(reject);
    else this.#questions.send(waiting);
    return promise.finally(() => {
      clearTimeout(timer);
      waiting.over = true;
      this.#waiting.delete(id);
    });
  };

  /** The headers; replies go to a partition that is read now. */
  #headers(id: string, deadline: number, trace: Trace): Map<Buffer, Buffer> {
    const headers = new Map<Buffer, Buffer>([
      [Buffer.from(CORRELATION_ID), Buffer.from(id)],
      [REPLY_TOPIC, Buffer.from(this.#settings.REPLIES_TOPIC)],
      [DEADLINE, Buffer.from(String(deadline))],
      ...recordHeaders(trace),
    ]);
    const partition = this.#replies.choose();
    if (partition !== undefined) headers.set(REPLY_PARTITION, int32(partition));
    return headers;
  }

  #late({ teaches }: Waiting): Problem {
    const doubt = teaches ? "; the event may or may not have been learned" : "";
    if (!this.ready) return new Problem("kafka-away", AWAY + doubt);
    const timeout = this.#settings.REQUEST_TIMEOUT_MS;
    return new Problem("timeout", `no answer within ${timeout} ms: is the service running?${doubt}`);
  }

  /** Send all questions again, as a leader that failed may have had them; the first answer counts. */
  #askAgain(): void {
    for (const waiting of this.#waiting.values()) if (!waiting.teaches) this.#questions.send(waiting);
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
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** A reply's bytes to the reply, or to the refusal that it carries. */
export function parse(value: Buffer): Reply | Problem {
  let reply: unknown;
  try {
    reply = decode(value);
  } catch {
    reply = undefined;
  }
  if (!isObject(reply)) return new Problem("internal", "the service's reply is not a JSON object");
  if (!("error" in reply)) return reply;
  const { code, message, positions } = isObject(reply["error"]) ? reply["error"] : {};
  const detail = typeof message === "string" ? message : "the service gave no reason";
  return new Problem(isCode(code) ? code : "internal", detail, {}, positions);
}
