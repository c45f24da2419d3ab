/** Bounds for connections: how many, and how long each may take to say what it wants. */

import type { Server, ServerOptions } from "node:http";
import type { Socket } from "node:net";
import type { Metrics } from "./metrics.ts";

export const MAX_CONNECTIONS = 2000;

/** For the server: in what time a request's head and all of it are there. */
export const PATIENCE: ServerOptions = {
  headersTimeout: 5000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000, // how often Node looks for those that take longer
  maxHeaderSize: 64 * 1024, // a formula of 4,096 characters may take 48 kB of a URL
};

/**
 * Lets everybody in: beyond the limit, whoever has been silent for longest is let go for it.
 *
 * One that waits for its answer is not silent. So thousands of idle connections keep nobody out.
 */
export class Connections {
  readonly #metrics: Metrics;
  readonly #limit: number;
  /** In the order of their last request. */
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
