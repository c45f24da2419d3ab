// Plain Node: a question with two headers, and the reply that carries the same correlation_id.
import { randomUUID } from "node:crypto";
import { Consumer, Producer, stringDeserializers, stringSerializers } from "@platformatic/kafka";

const clientId = "riverline-example";
const bootstrapBrokers = (process.env.KAFKA_BOOTSTRAP_SERVERS ?? "127.0.0.1:9092").split(",");
const requests = process.env.REQUESTS_TOPIC ?? "prediction-requests";
const replies = process.env.REPLIES_TOPIC ?? "prediction-replies";

const producer = new Producer({ clientId, bootstrapBrokers, serializers: stringSerializers });
const consumer = new Consumer({
  clientId,
  bootstrapBrokers,
  groupId: `riverline-example-${randomUUID()}`, // of its own: it wants to see every reply
  deserializers: stringDeserializers,
});

// Where the reply topic ends is known before anything is asked: no reply can be missed.
const ends = (await consumer.listOffsets({ topics: [replies] })).get(replies);
const stream = await consumer.consume({
  topics: [replies],
  mode: "manual",
  offsets: ends.map((offset, partition) => ({ topic: replies, partition, offset })),
  maxWaitTime: 100,
  autocommit: false,
});

const waiting = new Map();
stream.on("data", ({ headers, value }) => waiting.get(headers.get("correlation_id"))?.(value));

async function ask(question) {
  const id = randomUUID();
  const { promise, resolve, reject } = Promise.withResolvers();
  const timer = setTimeout(() => reject(new Error("no reply within 10 s")), 10_000);
  waiting.set(id, resolve);
  const headers = { correlation_id: id, reply_to: replies };
  await producer.send({ messages: [{ topic: requests, value: JSON.stringify(question), headers }] });
  try {
    return JSON.parse(await promise);
  } finally {
    clearTimeout(timer);
    waiting.delete(id);
  }
}

const reply = await ask({ tv: 50 });
console.log(reply.prediction, reply);

const { error } = await ask({ tv: "abc" });
console.log(error.code, error);

await consumer.close(true);
await producer.close();
process.exitCode = Number.isFinite(reply.prediction) && error.code === "not-a-number" ? 0 : 1;
