/** Bearer tokens for SASL/OAUTHBEARER: OAuth 2.0's client credentials (RFC 6749, section 4.4). */

import { z } from "zod";
import { TokenError } from "./diagnose.ts";
import type { Settings } from "./settings.ts";

const TIMEOUT_MS = 2500; // less than a connection's time limit, which includes fetching the token
const AGE = 0.8;
const DEFAULT_LIFETIME_S = 300;

const Answer = z.object({ access_token: z.string().min(1), expires_in: z.number().positive().optional() });

/** Fetches tokens; reuses each for four fifths of its lifetime. */
export class Tokens {
  readonly #url: string;
  readonly #id: string;
  readonly #secret: string;
  readonly #scope: string | undefined;
  #token: { value: string; until: number } | undefined;
  #coming: Promise<string> | undefined;

  constructor(url: string, id: string, secret: string, scope?: string) {
    this.#url = url;
    this.#id = id;
    this.#secret = secret;
    this.#scope = scope;
  }

  /** From the settings; undefined unless they name OAUTHBEARER. */
  static of(settings: Settings): Tokens | undefined {
    if (settings.KAFKA_SASL_MECHANISM !== "OAUTHBEARER") return undefined;
    return new Tokens(
      settings.KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL ?? "",
      settings.KAFKA_SASL_OAUTHBEARER_CLIENT_ID ?? "",
      settings.KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET ?? "",
      settings.KAFKA_SASL_OAUTHBEARER_SCOPE,
    );
  }

  /** A valid token; rejects with a TokenError. */
  async get(): Promise<string> {
    if (this.#token !== undefined && Date.now() < this.#token.until) return this.#token.value;
    this.#coming ??= this.#fetch().finally(() => {
      this.#coming = undefined;
    });
    return this.#coming;
  }

  async #fetch(): Promise<string> {
    const response = await this.#ask();
    if (response.status === 400 || response.status === 401 || response.status === 403)
      throw new TokenError(`the token endpoint ${this.#url} refused client ${this.#id}`);
    const answer = Answer.safeParse(response.ok ? await response.json().catch(() => undefined) : undefined);
    if (!answer.success)
      throw new TokenError(`the token endpoint ${this.#url} gave no token (status ${response.status})`);
    const { access_token: value, expires_in: lifetime = DEFAULT_LIFETIME_S } = answer.data;
    this.#token = { value, until: Date.now() + lifetime * 1000 * AGE };
    return value;
  }

  async #ask(): Promise<Response> {
    const credentials = [this.#id, this.#secret].map(encodeURIComponent).join(":");
    const scope = this.#scope === undefined ? {} : { scope: this.#scope };
    try {
      return await fetch(this.#url, {
        method: "POST",
        headers: { Authorization: `Basic ${Buffer.from(credentials).toString("base64")}` },
        body: new URLSearchParams({ grant_type: "client_credentials", ...scope }),
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch {
      throw new TokenError(`the token endpoint ${this.#url} does not answer`);
    }
  }
}
