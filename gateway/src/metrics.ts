/** The Prometheus metrics: one object on one registry, label values from closed sets. */

import type { RequestHandler } from "express";
import { version as nodeVersion } from "node:process";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import packageJson from "../package.json" with { type: "json" };
import { KINDS, type Kind } from "./diagnose.ts";

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Counter<"route" | "status">;
  readonly #seconds: Histogram<"route">;
  readonly #inFlight: Gauge<"what">;
  readonly #late: Counter;
  readonly #kafkaFaults: Counter<"kind">;
  readonly #leaderless: Gauge<"topic">;
  readonly #dropped: Counter;
  readonly #gauges: (() => void)[] = [];

  constructor() {
    const registers = [this.registry];
    this.#requests = new Counter({
      name: "riverline_gateway_requests_total",
      help: "HTTP requests answered",
      labelNames: ["route", "status"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "riverline_gateway_request_seconds",
      help: "From an HTTP request's head to the end of its answer",
      labelNames: ["route"],
      buckets: SECONDS,
      registers,
    });
    this.#inFlight = new Gauge({
      name: "riverline_gateway_in_flight",
      help: "Questions without an answer; bytes of events that Kafka has not acknowledged",
      labelNames: ["what"],
      registers,
      collect: () => {
        for (const read of this.#gauges) read();
      },
    });
    this.#late = new Counter({
      name: "riverline_gateway_late_replies_total",
      help: "Replies to questions of this gateway that came too late, or a second time",
      registers,
    });
    this.#kafkaFaults = new Counter({
      name: "riverline_gateway_kafka_faults_total",
      help: "Times that something was wrong with Kafka when the gateway looked; its log names it",
      labelNames: ["kind"],
      registers,
    });
    for (const kind of KINDS) this.#kafkaFaults.inc({ kind }, 0);
    this.#leaderless = new Gauge({
      name: "riverline_gateway_leaderless_partitions",
      help: "Partitions that have no leader; nothing is written to them or read from them",
      labelNames: ["topic"],
      registers,
    });
    this.#dropped = new Counter({
      name: "riverline_gateway_connections_dropped_total",
      help: "Connections closed to make room for newer ones",
      registers,
    });
    const build = { version: packageJson.version, node: nodeVersion };
    new Gauge({
      name: "riverline_gateway_build_info",
      help: "Versions of what runs",
      labelNames: ["version", "node"],
      registers,
    }).set(build, 1);
    collectDefaultMetrics({ register: this.registry });
  }

  /** Export how much is in flight, read at the scrape. */
  inFlight(what: "questions" | "bytes", read: () => number): void {
    this.#gauges.push(() => {
      this.#inFlight.set({ what }, read());
    });
  }

  lateReply(): void {
    this.#late.inc();
  }

  kafkaFault(kind: Kind): void {
    this.#kafkaFaults.inc({ kind });
  }

  /** Export the number of a topic's partitions without a leader, read at the scrape. */
  leaderless(topic: "requests" | "replies" | "events", read: () => number): void {
    this.#gauges.push(() => {
      this.#leaderless.set({ topic }, read());
    });
  }

  droppedConnection(): void {
    this.#dropped.inc();
  }

  /** Count and time the requests of a route. */
  observe(route: string): RequestHandler {
    return (_, response, next) => {
      const stop = this.#seconds.startTimer({ route });
      response.on("close", () => {
        stop();
        // The client left before its answer.
        const status = response.writableFinished ? String(response.statusCode) : "aborted";
        this.#requests.inc({ route, status });
      });
      next();
    };
  }
}
