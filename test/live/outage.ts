/**
 * Sovereign requests whose only server is killed: in the middle of a whole answer, in the middle of a stream, and before they are sent.
 * Each is told what it must be told, and nothing has to be done here when the server is back.
 */
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI, { APIError } from "openai";
import type { Forge, Key } from "./forge.ts";
import type { Model } from "./model.ts";

type Check = (name: string, ok: boolean, detail?: string) => void;
/** What a request that failed was told. */
type Told = { status: number | undefined; code: unknown; retryAfter: string | null; shouldRetry: string | null; requestId: string; ms: number };

/** Half the first pause of the circuit, and far above what a refused connection takes. */
const pollMs = 100;
const backWithinMs = 3_000;
const story = "Write a long story about a ferryman.";

export class Outage {
  private model: Model;
  private readonly forge: Forge;
  private readonly key: Key;
  private readonly client: OpenAI;
  private readonly start: (port: number) => Promise<Model>;
  private readonly check: Check;

  /** `key`: a sovereign one; `start`: brings the model up again at its port. */
  constructor(forge: Forge, key: Key, model: Model, start: (port: number) => Promise<Model>, check: Check) {
    this.forge = forge;
    this.key = key;
    this.model = model;
    this.start = start;
    this.check = check;
    this.client = new OpenAI({ baseURL: `${forge.url}/v1`, apiKey: key.secret, maxRetries: 0 });
  }

  /** Kills and starts the model three times. Returns the one that runs then. */
  async run(): Promise<Model> {
    await this.answers("before");
    await this.inAnAnswer();
    await this.recovers("killed in an answer");
    await this.inAStream();
    await this.recovers("killed in a stream");
    await this.beforeRequests();
    await this.recovers("killed between requests");
    return this.model;
  }

  private ask(maxTokens: number, header: Record<string, string> = {}): Promise<{ data: OpenAI.ChatCompletion; response: Response }> {
    return this.client.chat.completions.create({ model: this.model.name, messages: [{ role: "user", content: story }], max_tokens: maxTokens, temperature: 0, seed: 7 }, { headers: header }).withResponse() as Promise<{ data: OpenAI.ChatCompletion; response: Response }>;
  }

  private async answers(when: string): Promise<void> {
    const { data } = await this.ask(2, { "X-Sovereign": "true" });
    this.check(`outage, ${when}: a sovereign request is answered`, data.choices.length === 1 && data.usage !== undefined);
  }

  private async refused(maxTokens: number): Promise<Told | undefined> {
    const beganMs = performance.now();
    const error = await this.ask(maxTokens).then(() => undefined, (reason: unknown) => reason);
    if (!(error instanceof APIError)) return undefined;
    const header = (name: string): string | null => error.headers?.get(name) ?? null;
    return { status: error.status, code: error.code, retryAfter: header("retry-after"), shouldRetry: header("x-should-retry"), requestId: error.requestID ?? "", ms: performance.now() - beganMs };
  }

  /** 503 `sovereign_unavailable`, when to come again, that an SDK shall not by itself, and an entry that costs nothing. */
  private async unavailable(when: string, told: Told | undefined): Promise<void> {
    this.check(`outage, ${when}: 503 sovereign_unavailable`, told?.status === 503 && told.code === "sovereign_unavailable", JSON.stringify(told));
    this.check(`outage, ${when}: Retry-After, and x-should-retry: false`, Number(told?.retryAfter) >= 1 && told?.shouldRetry === "false", `${told?.retryAfter}, ${told?.shouldRetry}`);
    const entry = told && (await this.forge.entry(this.key, told.requestId));
    this.check(`outage, ${when}: in the ledger as an error`, entry?.end === "upstream_error" && entry.status === 503 && entry.errorCode === "sovereign_unavailable" && entry.deployment === `selfhosted/${this.model.name}`, JSON.stringify(entry && { end: entry.end, status: entry.status, errorCode: entry.errorCode, deployment: entry.deployment }));
    this.check(`outage, ${when}: costs nothing, no output counted`, entry?.costNanoUsd === 0 && entry.usage.outputTokens === 0, JSON.stringify(entry?.usage));
  }

  private async inAnAnswer(): Promise<void> {
    const told = this.refused(900);
    await sleep(1_000);
    await this.model.kill();
    await this.unavailable("killed in a whole answer", await told);
  }

  private async inAStream(): Promise<void> {
    const { data, response } = await this.client.chat.completions.create({ model: this.model.name, messages: [{ role: "user", content: story }], max_tokens: 900, temperature: 0, seed: 7, stream: true }).withResponse();
    let text = "";
    let pieces = 0;
    let error: unknown;
    try {
      for await (const chunk of data) {
        text += chunk.choices[0]?.delta.content ?? "";
        pieces += 1;
        if (pieces === 12) await this.model.kill();
      }
    } catch (reason) {
      error = reason;
    }
    const code = (error as { code?: unknown } | undefined)?.code;
    this.check("outage, killed in a stream: text came, then the protocol's own error event", text.length > 0 && error instanceof APIError && code === "upstream_error", `${pieces} chunks, ${text.length} characters, ${String(error).slice(0, 120)}`);
    const entry = await this.forge.entry(this.key, response.headers.get("x-request-id") ?? "");
    this.check("outage, killed in a stream: in the ledger as broken off, with what had come, as an estimate", entry?.end === "upstream_error" && entry.estimated && entry.usage.outputTokens > 0, JSON.stringify(entry && { end: entry.end, estimated: entry.estimated, usage: entry.usage }));
    this.check("outage, killed in a stream: the next request", (await this.refused(2))?.status === 503);
  }

  private async beforeRequests(): Promise<void> {
    await this.model.kill();
    await this.unavailable("killed between requests", await this.refused(2));
    const all = [];
    for (let i = 0; i < 8; i += 1) all.push(await this.refused(2));
    this.check("outage, killed between requests: so is each that follows", all.every((told) => told?.status === 503 && told.shouldRetry === "false"), `${all.map((told) => `${told?.status} in ${Math.round(told?.ms ?? 0)} ms`).join(", ")}`);
    const named = await this.forge.entry(this.key, all.at(-1)!.requestId);
    this.check("outage, killed between requests: each is in the ledger", named?.errorCode === "sovereign_unavailable", String(named?.errorCode));
  }

  /** Starts the model at its port and asks until it is answered. Nothing else is done. */
  private async recovers(when: string): Promise<void> {
    this.model = await this.start(this.model.port);
    const upMs = performance.now();
    let asked = 0;
    let backMs: number | undefined;
    while (backMs === undefined && performance.now() - upMs < 70_000) {
      asked += 1;
      if (await this.ask(1).then(() => true, () => false)) backMs = performance.now() - upMs;
      else await sleep(pollMs);
    }
    this.check(`outage, ${when}: answered again by itself once the model is up`, backMs !== undefined && backMs < backWithinMs, `${backMs === undefined ? "never" : `${Math.round(backMs)} ms`} after it listens, the answer included, in ${asked} request${asked === 1 ? "" : "s"}`);
  }
}
