// NestJS asks by its own client, as in any service that has a ClientKafka injected.
import { Logger } from "@nestjs/common";
import { ClientKafka } from "@nestjs/microservices";
import { Kafka, logLevel } from "kafkajs";
import { lastValueFrom, timeout } from "rxjs";

const brokers = (process.env.KAFKA_BOOTSTRAP_SERVERS ?? "127.0.0.1:9092").split(",");
const requests = process.env.REQUESTS_TOPIC ?? "prediction-requests";

// NestJS takes the topic `<requests>.reply` for its replies, and does not create it.
const admin = new Kafka({ brokers, logLevel: logLevel.ERROR }).admin();
await admin.connect();
await admin.createTopics({ topics: [{ topic: `${requests}.reply` }] });
await admin.disconnect();

Logger.overrideLogger(["error"]);
const client = new ClientKafka({ client: { brokers } });
client.subscribeToResponseOf(requests);
await client.connect();

const ask = (question) => lastValueFrom(client.send(requests, question).pipe(timeout(10_000)));

const reply = await ask({ tv: 50 });
console.log(reply.prediction, reply);

// An error reply is thrown: an object with a code and a message.
const error = await ask({ tv: "abc" }).catch((thrown) => thrown);
console.log(error.code, error);

await client.close();
process.exitCode = Number.isFinite(reply.prediction) && error.code === "not-a-number" ? 0 : 1;
