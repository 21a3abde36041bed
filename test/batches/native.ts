/** A batch that a provider's own batch does, killed in each of its states: that one is made once, and each line is charged at the price of where it ran. */
import { setTimeout as sleep } from "node:timers/promises";
import { usage, type Running } from "../chaos/gateway.ts";
import { check } from "../chaos/verdicts.ts";
import { createKey } from "../support/admin.ts";
import { killed, lineOf, linesIn, make, retrieve, start, textsOf, vectorLineOf, type Answered } from "./gateway.ts";
import { isLeftOut, isRefused, usageOf, type Upstream } from "./upstream.ts";

const lines = 2_000;
const nanoUsdPerToken = { live: 1_000, batch: 500 };

type Native = { state: string; kept?: boolean };

type Body = NonNullable<Answered["response"]>["body"];

/** What its lines want: the endpoint, a line, the tokens that one takes, and whether an answer is to it. */
type Wanted = { readonly kind: string; readonly endpoint: string; readonly line: (i: number, model: string) => string; readonly tokens: (i: number) => number; readonly isTo: (i: number, body: Body) => boolean };

const chats: Wanted = {
  kind: "chat", endpoint: "/v1/chat/completions", line: lineOf, tokens: (i) => usageOf(i).input + usageOf(i).output, isTo: (i, { choices }) => choices?.[0]?.message.content === `answer ${i}`,
};
const vectors: Wanted = {
  kind: "embedding", endpoint: "/v1/embeddings", line: vectorLineOf, tokens: (i) => textsOf(i) * usageOf(i).input,
  isTo: (i, { data }) => JSON.stringify(data?.map(({ embedding }) => embedding)) === JSON.stringify(Array.from({ length: textsOf(i) }, (_, at) => [i, at])),
};

/** Which provider does it, how many batches it made for us, and how often the runtime is killed in each state; once where it is not said. */
export type Case = { readonly name: string; readonly provider: string; readonly wants: Wanted; readonly made: (upstream: Upstream) => number; readonly kills: Readonly<Record<string, number>> };

const madeByGemini = ({ gemini }: Upstream): number => gemini.made.filter(({ file }) => file !== "").length;

export const cases: Readonly<Record<"files" | "inline" | "keyed" | "vectors" | "azure" | "named", Case>> = {
  files: { name: "OpenAI's batch", provider: "openai", wants: chats, made: ({ batches }) => batches.length, kills: { running: 2 } },
  inline: {
    name: "Anthropic's batch", provider: "anthropic", wants: chats, kills: { reading: 0, asked: 2 },
    made: ({ claude }) => claude.made.filter(({ requests }) => requests[0]!.custom_id.startsWith("batch_")).length,
  },
  keyed: { name: "Gemini's batch", provider: "gemini", wants: chats, kills: { reading: 0, asked: 2 }, made: madeByGemini },
  vectors: { name: "Gemini's batch of vectors", provider: "gemini", wants: vectors, kills: { reading: 0, asked: 2 }, made: madeByGemini },
  azure: { name: "Azure's batch", provider: "azure", wants: chats, kills: { reading: 0, asked: 2 }, made: ({ azure }) => azure.made.filter(({ input_file_id: file }) => file !== "theirs").length },
  named: { name: "xAI's batch", provider: "xai", wants: chats, kills: { reading: 0, asked: 2 }, made: ({ xai }) => xai.made.filter(({ name }) => name !== "theirs").length },
};

/** What must not matter to a batch that its provider has already. */
async function alter({ mf }: Running): Promise<string> {
  const db = await mf.getD1Database("DB");
  await db.batch([db.prepare("UPDATE prices SET pico_usd = pico_usd * 3 WHERE upstream_id = 'native-priced' AND class LIKE '%:batch'"), db.prepare("UPDATE files SET expires_at = ? WHERE purpose = 'batch'").bind(Date.now())]);
  return "yes";
}

export async function nativeKills(origin: string, upstream: Upstream, stateDir: string, { name, provider, wants: { kind, endpoint, line, tokens, isTo }, made, kills }: Case): Promise<void> {
  const began = Date.now();
  const scenario = `${lines.toLocaleString("en")} lines in ${name}`;
  const model = `${provider}/native-priced`;
  upstream.asked.clear();
  const madeBefore = made(upstream);
  let gateway = await start(origin, stateDir);
  const db = await gateway.mf.getD1Database("DB");
  await db.batch([
    db.prepare(`INSERT INTO models (id, owner, kind, input_modalities, output_modalities, capabilities, context_tokens, max_output_tokens)
      VALUES ('native-priced', 'chaos', ?, '["text"]', '["text"]', '["text"]', 100000, 10000)`).bind(kind),
    db.prepare("INSERT INTO deployments (provider, upstream_id, model_id) VALUES (?, 'native-priced', 'native-priced')").bind(provider),
    ...["input", "output"].flatMap((unit) => [[unit, nanoUsdPerToken.live], [`${unit}:batch`, nanoUsdPerToken.batch]] as const)
      .map(([unit, nano]) => db.prepare("INSERT INTO prices (provider, upstream_id, class, pico_usd, source) VALUES (?, 'native-priced', ?, ?, 'chaos')").bind(provider, unit, nano * 1_000)),
  ]);
  const key = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000_000 } });
  let batch = await make(gateway, key, [Array.from({ length: lines }, (_, i) => line(i, model)).join("\n")], endpoint);
  const stateOf = async (): Promise<string> => {
    const run = (await gateway.mf.getDurableObjectNamespace("BATCH_RUN")) as unknown as { getByName(name: string): { face(): Promise<{ batch: { native?: Native }; sums: { completed: number } }> } };
    const { batch: { native }, sums } = await run.getByName(`${key.organisation}/${batch.id}`).face();
    return !native ? "reading" : native.state === "over" ? (sums.completed > 0 ? "running" : "kept") : native.state;
  };
  const met = new Map<string, number>();
  let altered = "";
  for (const deadline = Date.now() + 10 * 60_000; Date.now() < deadline; await sleep(20)) {
    batch = await retrieve(gateway, key, batch);
    if (batch.status === "completed" || batch.status === "failed") break;
    const state = await stateOf();
    if (state === "sent" && altered === "") altered = await alter(gateway);
    if ((met.get(state) ?? 0) >= (kills[state] ?? 1)) continue;
    await sleep(Math.random() * 300);
    met.set(state, (met.get(state) ?? 0) + 1);
    gateway = await killed(gateway, origin, stateDir);
  }
  check(scenario, "kill -9 in", "≥ 4 states", [...met].map(([state, times]) => `${times}× ${state}`).join(", "), met.size >= 4);
  check(scenario, "its prices were tripled, and its input expired, while it ran there", "yes", altered);
  check(scenario, "status", "completed", batch.status);
  check(scenario, "batches made at the provider", 1, made(upstream) - madeBefore);
  const found = [...(await linesIn(gateway, key, batch.output_file_id)), ...(await linesIn(gateway, key, batch.error_file_id))];
  check(scenario, "custom ids", `${lines}, ${lines} different`, `${found.length}, ${new Set(found.map(({ custom_id }) => custom_id)).size} different`);
  const all = Array.from({ length: lines }, (_, i) => i);
  const told = all.filter((i) => !isRefused(i));
  check(scenario, "answers belong to their custom ids", told.length, found.filter(({ custom_id, response }) => response && isTo(Number(custom_id.slice(5)), response.body)).length);
  check(scenario, "lines that ran here are those that the provider's batch left out", all.filter(isLeftOut).length, [...upstream.asked.keys()].filter(isLeftOut).length, [...upstream.asked.keys()].every(isLeftOut) && upstream.asked.size === all.filter(isLeftOut).length);
  const expected = told.reduce((sum, i) => sum + tokens(i) * (isLeftOut(i) ? nanoUsdPerToken.live : nanoUsdPerToken.batch), 0);
  let totals = await usage(gateway.url, key);
  for (const deadline = Date.now() + 60_000; Date.now() < deadline && totals.costNanoUsd !== expected; totals = await usage(gateway.url, key)) await sleep(1_000);
  check(scenario, "what the key was charged = the sum of its lines, nano-USD", expected, totals.costNanoUsd);
  console.log(`${scenario}: ${Math.round((Date.now() - began) / 1_000)} s`);
  await gateway.stop();
}
