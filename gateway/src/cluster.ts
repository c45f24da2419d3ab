/** Partition leaders and our permissions, looked up once a second at any broker. */

import { setTimeout as delay } from "node:timers/promises";
import type { ClusterMetadata } from "@platformatic/kafka";
import { name } from "./broker.ts";
import { diagnose, principal, type Fault } from "./diagnose.ts";
import type { Faults } from "./faults.ts";
import type { MetadataResponse, Scout } from "./scout.ts";
import type { Settings } from "./settings.ts";
import type { Tokens } from "./token.ts";

const LOOK_MS = 1000;
const LOOK_IN_TROUBLE_MS = 200;
const HEDGE_MS = 500;
const SUSPECT_MS = 1000;
const MAX_FAULTS = 3;

const NO_ERROR = 0;
const TOPIC_AUTHORIZATION_FAILED = 29;
// Authorized operations are bits, numbered by AclOperation.
const OPERATIONS = { READ: 1 << 3, WRITE: 1 << 4 };

/** What the gateway needs to do with a topic. */
export interface Duty {
  readonly name: "requests" | "replies" | "events";
  readonly topic: string;
  readonly operation: keyof typeof OPERATIONS;
}

/** The gateway's single view of the cluster, which the library's clients use too. */
export class Cluster {
  readonly #settings: Settings;
  readonly #scout: Scout;
  readonly #tokens: Tokens | undefined;
  readonly #faults: Faults;
  readonly #duties: readonly Duty[];
  readonly #listeners: (() => void)[] = [];
  readonly #suspects = new Map<number, number>();
  readonly #turns = new Map<string, number>();
  #metadata: ClusterMetadata | undefined;
  #served = new Set<string>();
  #led = new Map<string, number[]>();
  #layout = "";
  #stopped = false;
  #wake = new AbortController();
  #running: Promise<void> | undefined;

  constructor(
    settings: Settings,
    scout: Scout,
    faults: Faults,
    duties: readonly Duty[],
    tokens?: Tokens,
  ) {
    this.#settings = settings;
    this.#tokens = tokens;
    this.#scout = scout;
    this.#faults = faults;
    this.#duties = duties;
  }

  /** The last metadata; undefined until Kafka was reached. */
  get metadata(): ClusterMetadata | undefined {
    return this.#metadata;
  }

  /** The number of a topic's partitions without a leader. */
  leaderless(topic: string): number {
    const count = this.#metadata?.topics.get(topic)?.partitionsCount ?? 0;
    return count - this.led(topic).length;
  }

  /** The partitions of a topic that have a leader. */
  led(topic: string): readonly number[] {
    return this.#led.get(topic) ?? [];
  }

  leader(topic: string, partition: number): number {
    return this.#metadata?.topics.get(topic)?.partitions[partition]?.leader ?? -1;
  }

  /** Whether Kafka is reachable and permits what we do with the topic. */
  serves(topic: string): boolean {
    return this.#served.has(topic);
  }

  /** The next partition of a topic to write to, in turn; undefined if none has a leader. */
  choose(topic: string, busy?: ReadonlySet<number>): number | undefined {
    const free = this.led(topic).filter((partition) => busy?.has(partition) !== true);
    const now = Date.now();
    const good = free.filter((one) => (this.#suspects.get(this.leader(topic, one)) ?? 0) < now);
    const choice = good.length > 0 ? good : free;
    const turn = this.#turns.get(topic) ?? 0;
    this.#turns.set(topic, turn + 1);
    return choice[turn % choice.length];
  }

  /** A partition's leader failed: look again, and prefer others for a moment. */
  suspect(node: number): void {
    this.#suspects.set(node, Date.now() + SUSPECT_MS);
    this.look();
  }

  /** Look at once instead of at the next second. */
  look(): void {
    this.#wake.abort();
  }

  /** Call back whenever a partition's leader has changed, or Kafka was reached again. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.look();
    await this.#scout.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const nextInTrouble = delay(LOOK_IN_TROUBLE_MS); // at most this often, whatever the demand
      let well = false;
      try {
        well = this.#take(await this.#ask());
      } catch (error) {
        this.#miss(error);
      }
      await nextInTrouble;
      this.#wake = new AbortController();
      const rest = well ? LOOK_MS - LOOK_IN_TROUBLE_MS : 0;
      await delay(rest, undefined, { signal: this.#wake.signal }).catch(() => undefined);
    }
  }

  /** Ask a broker; if it is slow, another one too, and so on: the first answer counts. */
  async #ask(): Promise<MetadataResponse> {
    await this.#tokens?.get(); // it reports its own fault
    const topics = this.#duties.map(({ topic }) => topic);
    const over = new AbortController();
    const failures: Fault[] = [];
    const asked = this.#scout.brokers(this.#metadata).map(async (broker, number) => {
      await delay(number * HEDGE_MS, undefined, { signal: over.signal });
      return this.#scout.ask(broker, topics).catch((error: unknown) => {
        failures.push(diagnose(error, name(broker), this.#settings));
        throw error;
      });
    });
    try {
      return await Promise.any(asked);
    } catch {
      throw new Unreached(failures);
    } finally {
      over.abort();
    }
  }

  #miss(error: unknown): void {
    if (this.#stopped) return;
    const faults = error instanceof Unreached ? error.faults : [diagnose(error, "", this.#settings)];
    this.#served = new Set();
    this.#faults.see("cluster", faults.slice(0, MAX_FAULTS));
    this.#tell("");
  }

  /** Take over a broker's metadata. Returns whether it shows no fault. */
  #take(response: MetadataResponse): boolean {
    this.#metadata = metadataOf(response);
    const brokers = this.#metadata.brokers;
    this.#led = new Map(
      [...this.#metadata.topics].map(([topic, { partitions }]) => [
        topic,
        [...partitions.keys()].filter((number) => brokers.has(partitions[number]?.leader ?? -1)),
      ]),
    );
    const faults = this.#duties.map((duty) => this.#faultOf(duty, response));
    this.#served = new Set(
      this.#duties.filter((_, i) => faults[i] === undefined || faults[i].partial).map(({ topic }) => topic),
    );
    this.#faults.see("cluster", faults.filter((fault) => fault !== undefined));
    this.#tell(layoutOf(this.#metadata));
    return faults.every((fault) => fault === undefined);
  }

  #faultOf({ topic, operation }: Duty, response: MetadataResponse): Fault | undefined {
    const found = response.topics.find(({ name }) => name === topic);
    const who = principal(this.#settings);
    if (found?.errorCode === TOPIC_AUTHORIZATION_FAILED)
      return { kind: "permission", sentence: `${who} may not see topic ${topic}: DESCRIBE is not granted` };
    if (found?.errorCode !== NO_ERROR || found.partitions.length === 0)
      return { kind: "topic", sentence: `there is no topic ${topic}: the consumer creates it` };
    if ((found.topicAuthorizedOperations & OPERATIONS[operation]) === 0) {
      const act = operation === "READ" ? "read" : "write to";
      return { kind: "permission", sentence: `${who} may not ${act} topic ${topic}: ${operation} is not granted` };
    }
    const led = new Set(this.led(topic));
    const without = [...found.partitions.keys()].filter((partition) => !led.has(partition));
    if (without.length === 0) return undefined;
    const which = without.length === 1 ? `partition ${without[0] ?? ""}` : `partitions ${without.join(", ")}`;
    const have = without.length === 1 ? "has" : "have";
    return { kind: "leader", sentence: `${which} of ${topic} ${have} no leader`, partial: led.size > 0 };
  }

  #tell(layout: string): void {
    if (layout === this.#layout) return;
    this.#layout = layout;
    for (const listener of this.#listeners) listener();
  }
}

/** No broker answered; has the reasons that are known. */
class Unreached extends Error {
  readonly faults: Fault[];

  constructor(faults: Fault[]) {
    super("no broker answers");
    this.faults = faults;
  }
}

function metadataOf(response: MetadataResponse): ClusterMetadata {
  const lastUpdate = Date.now();
  const topics = response.topics.map(({ name, topicId: id, partitions: found }) => {
    const partitions = found
      .toSorted((one, other) => one.partitionIndex - other.partitionIndex)
      .map(({ leaderId: leader, leaderEpoch, replicaNodes: replicas, isrNodes: isr, offlineReplicas }) => ({
        ...{ leader, leaderEpoch, replicas, isr, offlineReplicas },
      }));
    return [name ?? "", { id, partitions, partitionsCount: partitions.length, lastUpdate }] as const;
  });
  return {
    id: response.clusterId ?? "",
    controllerId: response.controllerId,
    brokers: new Map(response.brokers.map(({ nodeId, host, port, rack }) => [nodeId, { host, port, rack }])),
    topics: new Map(topics.filter(([, { partitionsCount }]) => partitionsCount > 0)),
    lastUpdate,
  };
}

function layoutOf({ topics }: ClusterMetadata): string {
  return JSON.stringify(
    [...topics].map(([name, { id, partitions }]) => [name, id, partitions.map(({ leader }) => leader)]),
  );
}
