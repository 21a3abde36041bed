/**
 * `npm run test:resume`: streams of three protocols are cut behind a random event, resumed from there, and cut again. What came of it must be
 * what an uninterrupted reader has, byte for byte; the provider must have been asked once for each, and the bill must say so. Ends with 1 when
 * a promise was broken. Then the runtime is killed under runs of every protocol, and under films. `-- --streams N`, `-- --at-once N`, `-- --seed N`.
 */
import { parseArgs } from "node:util";
import { startLocal } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { killedFilms } from "./films.ts";
import { killed } from "./kill.ts";
import { Upstream, usage, wordsOf } from "./upstream.ts";

const { values: flags } = parseArgs({ options: { streams: { type: "string", default: "1000" }, "at-once": { type: "string", default: "12" }, seed: { type: "string", default: "1" } } });
const streams = Number(flags.streams);
const models = ["openai/gpt-test", "anthropic/claude-test", "gemini/gemini-test"];

/** Mulberry32. */
function chanceFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const upstream = new Upstream(3);
const origin = await upstream.start();
const gateway = await startLocal({
  port: 0, onLog: () => {},
  vars: {
    ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true",
    OPENAI_API_KEY: "k", OPENAI_BASE_URL: `${origin}/v1`, ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: `${origin}/v1`, GEMINI_API_KEY: "k", GEMINI_BASE_URL: `${origin}/v1beta`,
  },
});
const key = await createKey(gateway.url, { limits: { requestsPerMinute: 1_000_000 } });
const headers = { authorization: `Bearer ${key.secret}`, "content-type": "application/json" };

/** Reads events until `most` of them are there, then hangs up. */
async function read(response: Response, most: number, heard: (frame: string) => void = () => {}): Promise<string[]> {
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  const frames: string[] = [];
  let text = "";
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    text += piece.value;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const frame = text.slice(0, end + 2);
      text = text.slice(end + 2);
      if (frame.startsWith(":")) continue;
      heard(frame);
      frames.push(frame);
      if (frames.length < most) continue;
      await reader.cancel();
      return frames;
    }
  }
  return frames;
}

const sequenceOf = (frame: string): number => Number(/"sequence_number":(\d+)/.exec(frame)?.[1]);
const isLast = (frame: string | undefined): boolean => frame !== undefined && /^event: response\.(completed|failed|incomplete)/.test(frame);
const resume = (id: string, after?: number): Promise<Response> => fetch(`${gateway.url}/v1/responses/${id}?stream=true${after === undefined ? "" : `&starting_after=${after}`}`, { headers });

type Verdict = { model: string; cuts: number; events: number; wrong: string[] };

/** One stream, cut as `chance` has it. */
async function trial(number: number): Promise<Verdict> {
  const chance = chanceFrom(Number(flags.seed) * 1_000_003 + number);
  const model = models[number % models.length]!;
  const tag = `tag-${number + 10}`;
  const most = (): number => 1 + Math.floor(chance() * 30);
  let id = "";
  let uninterrupted: Promise<string[]> | undefined;
  const begun = (frame: string): void => {
    if (id !== "") return;
    id = /"id":"(resp_[^"]+)"/.exec(frame)![1]!;
    uninterrupted = resume(id).then((response) => read(response, Infinity));
  };
  const frames = await read(await fetch(`${gateway.url}/v1/responses`, { method: "POST", headers, body: JSON.stringify({ model, input: tag, stream: true }) }), most(), begun);
  let cuts = isLast(frames.at(-1)) ? 0 : 1;
  while (!isLast(frames.at(-1))) {
    const more = await read(await resume(id, frames.length === 0 ? undefined : sequenceOf(frames.at(-1)!)), most());
    if (more.length === 0) break;
    frames.push(...more);
    if (!isLast(frames.at(-1))) cuts += 1;
  }
  const wrong: string[] = [];
  const told = frames.join("");
  if (told !== (await uninterrupted!).join("")) wrong.push("what was resumed differs from what an uninterrupted reader has");
  if (told !== (await read(await resume(id), Infinity)).join("")) wrong.push("what was resumed differs from what is read afterwards");
  if (!frames.every((frame, index) => sequenceOf(frame) === index)) wrong.push("events are missing or told twice");
  const text = frames.filter((frame) => frame.startsWith("event: response.output_text.delta")).map((frame) => (JSON.parse(frame.slice(frame.indexOf("data: ") + 6)) as { delta: string }).delta).join("");
  if (text !== wordsOf(tag).join("")) wrong.push("it does not say what the provider said");
  const kept = (await (await fetch(`${gateway.url}/v1/responses/${id}`, { headers })).json()) as { status: string };
  if (kept.status !== "completed") wrong.push(`it is ${kept.status}`);
  return { model, cuts, events: frames.length, wrong };
}

const beganMs = Date.now();
const verdicts: Verdict[] = [];
let next = 0;
await Promise.all(Array.from({ length: Number(flags["at-once"]) }, async () => {
  while (next < streams) {
    const number = next++;
    verdicts.push(await trial(number).catch((error: unknown): Verdict => ({ model: models[number % models.length]!, cuts: 0, events: 0, wrong: [String(error)] })));
  }
}));

const sum = (of: readonly Verdict[], what: (one: Verdict) => number): number => of.reduce((total, one) => total + what(one), 0);
const problems = verdicts.flatMap(({ model, wrong }) => wrong.map((what) => `${model}: ${what}`));
const asked = Map.groupBy(upstream.calls.filter(({ path }) => !path.endsWith("/models")), ({ tag }) => tag);
const twice = [...asked.values()].filter(({ length }) => length !== 1).length;
if (asked.size !== streams || twice > 0) problems.push(`the provider was asked for ${asked.size} answers of ${streams}, for ${twice} of them more than once`);

type Totals = { requests: number; inputTokens: number; outputTokens: number };
let totals: Totals = { requests: 0, inputTokens: 0, outputTokens: 0 };
for (let tries = 0; tries < 100 && totals.requests < streams; tries += 1) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  ({ totals } = (await (await fetch(`${gateway.url}/dashboard/usage`, { headers })).json()) as { totals: Totals });
}
const due: Totals = { requests: streams, inputTokens: streams * usage.input, outputTokens: streams * usage.output };
for (const [name, value] of Object.entries(due)) if (totals[name as keyof Totals] !== value) problems.push(`the bill says ${totals[name as keyof Totals]} ${name}, not ${value}`);

for (const [model, of] of Map.groupBy(verdicts, (one) => one.model)) console.log(`${model.padEnd(24)} ${of.length} streams, ${sum(of, ({ events }) => events)} events, cut ${sum(of, ({ cuts }) => cuts)} times`);
console.log(`\n${streams} streams cut ${sum(verdicts, ({ cuts }) => cuts)} times in ${((Date.now() - beganMs) / 1_000).toFixed(1)} s; asked of providers ${upstream.calls.length} times; billed ${totals.requests} requests, ${totals.inputTokens} + ${totals.outputTokens} tokens.`);
await gateway.stop();
upstream.stop();
const { whole, failed, wrong } = await killed(models, 24);
console.log(`Killed under 24 runs: ${failed} are told as failed, ${whole} as completed.`);
problems.push(...wrong.map((what) => `killed: ${what}`));
const films = await killedFilms(12, 4);
console.log(`Killed twice under 16 films: ${films.completed} are completed, and 4 that were never answered: ${films.failed} are told as failed.`);
problems.push(...films.wrong.map((what) => `films: ${what}`));
for (const what of problems.slice(0, 20)) console.log(`  VIOLATED ${what}`);
console.log(problems.length === 0 ? "Every promise held." : `${problems.length} violations.`);
process.exit(problems.length === 0 ? 0 : 1);
