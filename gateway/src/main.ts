/** The command: exit codes, signals, logging. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createApp } from "./app.ts";
import { Appender } from "./appender.ts";
import { Client } from "./client.ts";
import { Cluster, type Duty } from "./cluster.ts";
import { Connections, PATIENCE } from "./connections.ts";
import { Faults } from "./faults.ts";
import { Health } from "./health.ts";
import { appendingProducer, scout } from "./kafka.ts";
import { createLog, traceback } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { describeSettings, readSettings, SettingsError, type Settings } from "./settings.ts";
import { Tokens } from "./token.ts";

const GRACE_MS = 15_000;

function settingsOrExit(): Settings {
  if (process.argv.includes("--help")) {
    console.log(`npm start: Riverline's HTTP API and web page.\n\nEnvironment:\n${describeSettings()}`);
    process.exit(0);
  }
  try {
    return readSettings(process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    console.error(`The settings are not usable:\n${error.message}`);
    process.exit(2);
  }
}

const settings = settingsOrExit();
const form = settings.LOG_FORMAT ?? (process.stdout.isTTY ? "console" : "logfmt");
const log = createLog(settings.LOG_LEVEL, form, process.stdout);
process.on("uncaughtException", (error) => {
  log.fatal({ exception: traceback(error) }, "ended");
  process.exit(1);
});
const metrics = new Metrics();
const faults = new Faults(metrics, log);
const tokens = Tokens.of(settings);
const duties: Duty[] = [
  { name: "requests", topic: settings.REQUESTS_TOPIC, operation: "WRITE" },
  { name: "replies", topic: settings.REPLIES_TOPIC, operation: "READ" },
  { name: "events", topic: settings.EVENTS_TOPIC, operation: "WRITE" },
];
const cluster = new Cluster(settings, scout(settings, tokens), faults, duties, tokens);
for (const { name, topic } of duties) metrics.leaderless(name, () => cluster.leaderless(topic));
const client = new Client(settings, cluster, faults, metrics, log, tokens);
const producer = appendingProducer(settings, cluster, tokens);
const events = new Appender(settings.EVENTS_TOPIC, settings.REQUEST_TIMEOUT_MS, producer, cluster, faults);
const health = new Health(client, events, cluster, faults, duties);
const stopping = new AbortController();
const app = createApp(client, events, health, settings, metrics, log, stopping.signal);
const server = createServer(PATIENCE, app);
new Connections(server, metrics);

server.on("error", (error) => {
  log.fatal({ error: error.message }, "cannot listen");
  process.exit(1);
});
server.listen(settings.GATEWAY_PORT, settings.GATEWAY_HOST, () => {
  const { address, port } = server.address() as AddressInfo;
  log.info({ address, port }, "listening");
});
cluster.start();

/** Take no more connections, finish what is in flight, then leave Kafka. */
async function stop(signal: string): Promise<void> {
  log.info({ signal }, "stopping");
  stopping.abort();
  const patience = setTimeout(() => {
    log.warn("closing with requests in flight");
    server.closeAllConnections();
  }, GRACE_MS);
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(patience);
  await cluster.stop();
  await Promise.all([client.stop(), events.stop()]);
  log.info("stopped");
}

for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.once(signal, () => {
    void stop(signal);
  });
