/** Limits for connections: how many, and how long a request may take to arrive. */

import type { Server, ServerOptions } from "node:http";
import type { Socket } from "node:net";
import type { Metrics } from "./metrics.ts";

export const MAX_CONNECTIONS = 2000;

/** Time limits for a request's head and for all of it. */
export const PATIENCE: ServerOptions = {
  headersTimeout: 5000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000, // how often Node checks for those that take longer
  maxHeaderSize: 64 * 1024, // a formula of 4,096 characters may take 48 kB of a URL
};

/**
 * Accepts every connection: beyond the limit, the one that has been idle for longest is closed.
 *
 * A connection that waits for its answer is not idle. So idle connections cannot keep others out.
 */
export class Connections {
  readonly #metrics: Metrics;
  readonly #limit: number;
  /** Idle connections, in the order of their last request. */
  readonly #silent = new Set<Socket>();
  #count = 0;

  constructor(server: Server, metrics: Metrics, limit = MAX_CONNECTIONS) {
    this.#metrics = metrics;
    this.#limit = limit;
    server.on("connection", (socket: Socket) => {
      this.#enter(socket);
    });
    server.prependListener("request", ({ socket }, response) => {
      this.#silent.delete(socket);
      response.once("close", () => {
        if (!socket.destroyed) this.#silent.add(socket);
      });
    });
  }

  #enter(socket: Socket): void {
    this.#count += 1;
    this.#silent.add(socket);
    socket.once("close", () => {
      this.#count -= 1;
      this.#silent.delete(socket);
    });
    if (this.#count <= this.#limit) return;
    const [longest = socket] = this.#silent;
    this.#silent.delete(longest);
    longest.destroy();
    this.#metrics.droppedConnection();
  }
}
