/** The gateway as the proof needs it: on a folder that survives, with a process that can be killed; and what is asked of it. */
import { withWorkerd } from "../../bench/processes.ts";
import { startLocal } from "../../scripts/local.ts";
import type { Key, Running } from "../chaos/gateway.ts";
import { createKey } from "../support/admin.ts";

export type Batch = { id: string; status: string; output_file_id: string | null; error_file_id: string | null; request_counts: { total: number; completed: number; failed: number }; usage: { input_tokens: number; output_tokens: number }; errors: unknown };
export type Answered = { custom_id: string; response: { status_code: number; body: { service_tier?: string; choices?: { message: { content: string } }[]; data?: { embedding: number[] }[] } } | null; error: unknown };

/** `inspected`: its isolate can be looked into. Starts it with the stand-in as one's own machine, and as each provider that has batches. */
export async function start(origin: string, stateDir: string, inspected = false): Promise<Running> {
  const vars = {
    ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", SOVEREIGN_ORIGIN: origin, OPENAI_BASE_URL: origin, OPENAI_API_KEY: "sk-stand-in-0123456789", PROVIDER_BATCH_POLL_MS: "500",
    PROVIDER_BATCH_ASK_MS: "3000", ANTHROPIC_BASE_URL: origin.replace(/\/v1$/, ""), ANTHROPIC_API_KEY: "sk-ant-stand-in-0123456789",
    GEMINI_BASE_URL: origin.replace(/\/v1$/, "/v1beta"), GEMINI_API_KEY: "gemini-stand-in-0123456789",
    AZURE_BASE_URL: origin.replace(/\/v1$/, "/azure/openai/v1"), AZURE_API_KEY: "azure-stand-in-0123456789", XAI_BASE_URL: origin.replace(/\/v1$/, "/xai/v1"), XAI_API_KEY: "xai-stand-in-0123456789",
  };
  const { started, pid } = await withWorkerd(() => startLocal({ port: 0, stateDir, vars, inspected, onLog: () => {} }));
  return { ...started, pid };
}

/** Kills it and starts it again on the same folder. */
export async function killed(gateway: Running, origin: string, stateDir: string): Promise<Running> {
  process.kill(gateway.pid!, "SIGKILL");
  await gateway.stop();
  return start(origin, stateDir);
}

async function ask<T>({ url }: Running, { secret }: Key, method: string, path: string, body?: unknown): Promise<T> {
  const form = body instanceof FormData;
  const response = await fetch(`${url}${path}`, {
    method, headers: { authorization: `Bearer ${secret}`, ...(!form && body !== undefined && { "content-type": "application/json" }) },
    body: form ? body : body === undefined ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(120_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}

/** Uploads an input. Returns the file's id. */
export async function upload(gateway: Running, key: Key, input: BlobPart[]): Promise<string> {
  const form = new FormData();
  form.set("purpose", "batch");
  form.set("file", new File(input, "input.jsonl"));
  return (await ask<{ id: string }>(gateway, key, "POST", "/v1/files", form)).id;
}

export const makeOf = (gateway: Running, key: Key, file: string, endpoint = "/v1/chat/completions"): Promise<Batch> =>
  ask(gateway, key, "POST", "/v1/batches", { input_file_id: file, endpoint, completion_window: "24h" });

/** Uploads an input and makes a batch of it. */
export const make = async (gateway: Running, key: Key, input: BlobPart[], endpoint?: string): Promise<Batch> => makeOf(gateway, key, await upload(gateway, key, input), endpoint);

export const retrieve = (gateway: Running, key: Key, { id }: Batch): Promise<Batch> => ask(gateway, key, "GET", `/v1/batches/${id}`);

/** The lines of a file of answers. */
export async function linesIn({ url }: Running, { secret }: Key, file: string | null): Promise<Answered[]> {
  if (file === null) return [];
  const text = await (await fetch(`${url}/v1/files/${file}/content`, { headers: { authorization: `Bearer ${secret}` } })).text();
  return text.trimEnd().split("\n").map((line) => JSON.parse(line) as Answered);
}

export const lineOf = (i: number, model: string): string =>
  JSON.stringify({ custom_id: `line ${i}`, method: "POST", url: "/v1/chat/completions", body: { model, max_tokens: 20, messages: [{ role: "user", content: `${i} ${"words ".repeat(i % 50)}` }] } });

/** A line that wants vectors of one to three texts. */
export const vectorLineOf = (i: number, model: string): string =>
  JSON.stringify({ custom_id: `line ${i}`, method: "POST", url: "/v1/embeddings", body: { model, input: Array.from({ length: textsOf(i) }, (_, at) => `${i} ${at} ${"words ".repeat(i % 50)}`) } });

/** How many texts a line wants vectors of. */
export const textsOf = (i: number): number => 1 + (i % 3);
