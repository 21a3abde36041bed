/** The columns that the recordings' checker does not have: each recorded answer through their clients, judged one by one. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { completionsColumn } from "./column-completions.ts";
import { geminiColumn } from "./column-gemini.ts";
import { type Answer, type Column, type Exchange, type Row } from "./column.ts";
import { judge, judgeCut, type Thrown, type Tools, type Wire } from "./judge.ts";
import type { Judged } from "./report.ts";

/** By the folder of recordings that holds the client's own protocol. */
export const columns: Readonly<Record<string, Column>> = { generate_content: geminiColumn, completions: completionsColumn };

export type Upstream = { model: string; headers: Record<string, string> };
export type Run = {
  /** `cut`: the provider dies in the middle of its stream. */
  mode: "translate" | "cut";
  /** The checker's folder, with its tools and recordings. */
  folder: string;
  url: string;
  secret: string;
  upstreams: Readonly<Record<string, Upstream>>;
  clients: readonly string[];
  /** Exchanges of a cell, whole and streamed each; 0: all. */
  limit: number;
  /** Where each judged exchange goes as one line. */
  out: string;
  stop: AbortSignal;
};

/** What we use of the checker's own tools: its choice of recordings is ours. */
type Library = {
  index(): Row[];
  load(row: Row): Exchange;
  sample(rows: Row[], limit: number): Row[];
  pool<T>(items: T[], concurrency: number, each: (item: T) => Promise<void>): Promise<void>;
  sse: Tools["frames"];
};
type Case = { client: string; upstream: string; row: Row };

const conversations = ["chat", "responses", "messages", "generate_content", "converse", "cohere_chat"];
const callable = /^[a-zA-Z0-9_-]{1,64}$/;

/** Runs the chosen columns. What came until `stop` is in the file. */
export async function runColumns(run: Run): Promise<void> {
  const library = (await import(join(run.folder, "tools/lib.mjs"))) as Library;
  const { check } = (await import(join(run.folder, "tools/schemas.mjs"))) as { check: Tools["schema"] };
  const tools: Tools = { frames: library.sse, schema: check };
  await library.pool(casesOf(run, library), 4, async (one) => {
    if (run.stop.aborted) return;
    const judged = await judgeCase(run, library, tools, one);
    appendFileSync(run.out, `${JSON.stringify(judged)}\n`);
  });
}

/** Streams that are long enough to die in. */
const isCuttable = ({ stream, status, format, res_bytes, features }: Row): boolean =>
  stream && status === 200 && format !== "json" && res_bytes > 1500 && !features.includes("stream_error");

function casesOf({ mode, upstreams, clients, limit }: Run, { index, sample }: Library): Case[] {
  const readable = index()
    .filter(({ endpoint, direct, features }) => conversations.includes(endpoint) && !direct?.includes("parses") && !features.includes("expected_failed"))
    .filter((row) => mode === "translate" || isCuttable(row));
  return Object.keys(upstreams).flatMap((upstream) =>
    clients.flatMap((client) =>
      [false, true].flatMap((stream) => {
        const rows = readable.filter((row) => `${row.provider}/${row.endpoint}` === upstream && row.stream === stream && columns[client]!.takes(row));
        return sample(rows, limit).map((row) => ({ client, upstream, row }));
      }),
    ),
  );
}

async function judgeCase(run: Run, { load }: Library, tools: Tools, { client, upstream, row }: Case): Promise<Judged> {
  const exchange = load(row);
  const { model, headers } = run.upstreams[upstream]!;
  const names = (exchange.expected?.tool_calls ?? []).map(({ name }) => name).filter((name) => callable.test(name));
  const cut = run.mode === "cut" ? ` cut@${Math.floor(row.res_bytes * 0.6)}` : "";
  const question = { model: model.replaceAll("{id}", row.id), prompt: `Replay ${row.id}.${cut}`, tools: [...new Set(names)], stream: row.stream };
  const kept = keeping();
  const begun = Date.now();
  const outcome: Answer | Thrown = await columns[client]!
    .ask({ url: run.url, secret: run.secret, headers: { ...headers, "x-replay-id": row.id }, fetch: kept.fetch }, question)
    .catch((error: unknown) => ({ status: (error as { status?: number }).status, message: String(error) }));
  const wire = await kept.wire();
  const head = { id: row.id, client, upstream, stream: row.stream, status: row.status };
  if (wire.status === 599 || wire.text.includes("protocol_mismatch")) return { ...head, na: "protocol", checks: {}, detail: {}, rules: [] };
  if (run.mode === "cut") return { ...head, ...judgeCut(outcome, wire, Date.now() - begun) };
  return { ...head, ...judge(columns[client]!, exchange, outcome, wire, tools) };
}

/** A `fetch` that keeps the bytes of its answer. */
function keeping(): { fetch: typeof fetch; wire: () => Promise<Wire> } {
  let wire: Promise<Wire> = Promise.resolve({ status: 0, type: "", text: "" });
  return {
    fetch: async (...asked) => {
      const response = await fetch(...asked);
      const { status, headers } = response;
      const text = response.clone().text().catch(() => "");
      wire = text.then((read) => ({ status, type: headers.get("content-type") ?? "", text: read }));
      return response;
    },
    wire: () => wire,
  };
}
