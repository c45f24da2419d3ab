/** The command: exit codes, signals, logging. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { createApp } from "./app.ts";
import { Client } from "./client.ts";
import { Events } from "./events.ts";
import { Metrics } from "./metrics.ts";
import { describeSettings, readSettings, SettingsError, type Settings } from "./settings.ts";

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
const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
const metrics = new Metrics();
const client = new Client(settings, metrics, log);
const events = new Events(settings);
const stopping = new AbortController();
const app = createApp(client, events, settings, metrics, log, stopping.signal);
// A formula of 4,096 characters may take 48 kB of a URL.
const server = createServer({ requestTimeout: 30_000, maxHeaderSize: 64 * 1024 }, app);

server.on("error", (error) => {
  log.fatal({ error: error.message }, "cannot listen");
  process.exit(1);
});
server.listen(settings.GATEWAY_PORT, settings.GATEWAY_HOST, () => {
  const { address, port } = server.address() as AddressInfo;
  log.info({ address, port }, "listening");
});
client.start();

/** Take no more connections, finish what is in flight, then leave Kafka. */
async function stop(signal: string): Promise<void> {
  log.info({ signal }, "stopping");
  stopping.abort();
  const patience = setTimeout(() => {
    log.warn("some requests are cut off");
    server.closeAllConnections();
  }, GRACE_MS);
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(patience);
  await Promise.all([client.stop(), events.stop()]);
  log.info("stopped");
}

for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.once(signal, () => {
    void stop(signal);
  });
