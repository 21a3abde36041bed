/**
 * A real language model behind Forge (`npm run test:live`): SmolLM2-135M on llama.cpp, driven through `npm start` by the
 * official Python and Node SDKs, compared with the same calls straight to the model, and with the ledger; then ForgeLab's brain mode on it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Brain, Planner, thinkingMs } from "./brain.ts";
import type { Call, Check, Finding, FirstByte, Tokens } from "./findings.ts";
import { Forge, type Entry, type Key } from "./forge.ts";
import { installPython, startModel } from "./model.ts";
import { Outage } from "./outage.ts";
import { beside, eachLine } from "./programs.ts";

const deadlineMs = 8 * 60_000;
const calls: Call[] = [];
const checks: Check[] = [];
const firstBytes: FirstByte[] = [];

function check(name: string, ok: boolean, detail = ""): void {
  checks.push({ check: name, ok, detail });
  console.log(`  ${ok ? "ok  " : "FAIL"} ${name}${detail && ` (${detail})`}`);
}

function hear(line: string): void {
  const finding = JSON.parse(line) as Finding;
  if ("check" in finding) return check(finding.check, finding.ok, finding.detail);
  if ("firstByte" in finding) return void firstBytes.push(finding);
  calls.push(finding);
  if (finding.quiet) return;
  const { call, prompt, answer, usage, seconds, directSeconds } = finding;
  console.log(`\n${call}\n  > ${oneLine(prompt)}\n  < ${oneLine(answer)}`);
  if (usage && seconds && directSeconds) {
    const speed = (s: number): string => (usage.outputTokens / s).toFixed(0);
    console.log(`  ${usage.inputTokens} + ${usage.outputTokens} tokens, ${speed(seconds)} tokens/s through Forge, ${speed(directSeconds)} straight`);
  }
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim().slice(0, 160);
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const sum = (all: Tokens[], key: keyof Tokens): number => all.reduce((total, tokens) => total + tokens[key], 0);
const same = (a: Tokens, b: Tokens): boolean => a.inputTokens === b.inputTokens && a.outputTokens === b.outputTokens;
const show = (tokens: Tokens): string => `${tokens.inputTokens} + ${tokens.outputTokens}`;

/** Each call's entry against what the model's server said of it. Returns the entries. */
async function compareEntries(forge: Forge, key: Key): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const call of calls) {
    const entry = await forge.entry(key, call.id);
    if (!entry) {
      check(`${call.call}: in the ledger`, false, call.id);
      continue;
    }
    entries.push(entry);
    const end = call.end ?? "complete";
    if (entry.end !== end) check(`${call.call}: ends as ${end}`, false, entry.end);
    if (call.usage && (entry.estimated || !same(entry.usage, call.usage))) {
      check(`${call.call}: entry says what the model said`, false, `${show(entry.usage)}, not ${show(call.usage)}${entry.estimated ? ", estimated" : ""}`);
    }
    if (end === "upstream_error") check(`${call.call}: costs nothing`, same(entry.usage, { inputTokens: 0, outputTokens: 0 }), show(entry.usage));
    else if (!call.usage && !entry.estimated) check(`${call.call}: entry is marked as estimated`, false, show(entry.usage));
    if (call.known) console.log(`  note ${call.call}: the model reports no usage in streams; estimated ${show(entry.usage)}, really ${show(call.known)}`);
    if (call.end === "client_gone") console.log(`  note ${call.call}: settled ${show(entry.usage)} after ${entry.totalMs} ms`);
  }
  return entries;
}

async function compareLedger(forge: Forge, key: Key): Promise<void> {
  console.log("\nLedger");
  const entries = await compareEntries(forge, key);
  check("every call is in the ledger, with its end and what the model said", entries.length === calls.length && !checks.some((item) => !item.ok), `${entries.length} of ${calls.length}`);
  const reported = calls.filter((call) => call.usage !== null);
  const ids = new Set(reported.map((call) => call.id));
  const [said, booked] = [reported.map((call) => call.usage!), entries.filter((entry) => ids.has(entry.id)).map((entry) => entry.usage)];
  const totalOf = (all: Tokens[]): Tokens => ({ inputTokens: sum(all, "inputTokens"), outputTokens: sum(all, "outputTokens") });
  check("sum of what the model reported = sum in the ledger", same(totalOf(said), totalOf(booked)), `${show(totalOf(said))} and ${show(totalOf(booked))} tokens in ${reported.length} calls`);
  const all = totalOf(entries.map((entry) => entry.usage));
  const first = await forge.usage(key, entries.length);
  await sleep(3_000);
  const { totals } = await forge.usage(key, entries.length);
  check("dashboard totals = sum of the entries", same(totals, all), `${show(totals)} and ${show(all)} tokens`);
  check("dashboard counts each request once", first.totals.requests === entries.length && totals.requests === entries.length, `${totals.requests}, ${entries.length} entries`);
}

async function main(): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const python = await installPython();
  const late = setTimeout(() => {
    console.error(`Not done after ${deadlineMs / 60_000} minutes`);
    process.exit(1);
  }, deadlineMs);
  let model = await startModel(python);
  const planner = new Planner();
  const forge = await Forge.start(model.origin, { GROQ_BASE_URL: `${await planner.start()}/v1`, GROQ_API_KEY: "the-planner", BRAIN_TIMEOUT_MS: String(thinkingMs) }).catch(async (error) => {
    planner.stop();
    await model.stop();
    throw error;
  });
  try {
    console.log(`${model.name} at ${model.origin}, Forge at ${forge.url}`);
    const organisation = (await forge.organisation("live")).id;
    const visitors = (await forge.organisation("visitors")).id;
    const wide = { limits: { requestsPerMinute: 600 }, usageScope: "organisation" };
    const owner = await forge.key(organisation, "owner", wide);
    for (const [language, command, script] of [["Python", python, "drive.py"], ["Node", process.execPath, "drive.ts"]] as const) {
      console.log(`\n== ${language} SDK`);
      const limited = await forge.key(visitors, `limited ${language}`, { limits: { requestsPerMinute: 1 } });
      const env = { FORGE: `${forge.url}/v1`, FORGE_KEY: owner.secret, LIMITED_KEY: limited.secret, DIRECT: model.origin, MODEL: model.name };
      await eachLine(command, [beside(script)], env, hear);
    }
    await compareLedger(forge, owner);
    const stopped = model.log().match(/Disconnected from client/g)?.length ?? 0;
    const aborted = calls.filter((call) => call.end === "client_gone").length;
    check("the model stopped writing for clients that left", stopped >= aborted, `${stopped} of ${aborted}`);
    console.log("\nBrain");
    await new Brain(forge, model.name, planner, check).run();
    console.log("\nOutage");
    const sovereign = await forge.key(visitors, "sovereign", { limits: { requestsPerMinute: 6_000 }, sovereign: true });
    model = await new Outage(forge, sovereign, model, (port) => startModel(python, port), check).run();
    for (const { directMs, forgeMs } of firstBytes) console.log(`\nFirst byte, median of ${forgeMs.length}: ${median(directMs).toFixed(1)} ms straight, ${median(forgeMs).toFixed(1)} ms through Forge (median of differences ${median(forgeMs.map((ms, i) => ms - directMs[i]!)).toFixed(1)} ms)`);
  } finally {
    planner.stop();
    await Promise.all([forge.stop(), model.stop()]);
    clearTimeout(late);
  }
  const failed = checks.filter((item) => !item.ok);
  console.log(`\n${checks.length - failed.length} of ${checks.length} checks hold`);
  for (const { check: name, detail } of failed) console.log(`  FAIL ${name} (${detail})`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

await main();
