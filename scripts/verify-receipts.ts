/**
 * `npm run verify-receipts <file> [<keys>]`: checks receipts offline, without any code of the gateway's. The first file is what
 * GET /v1/receipts answered (one receipt, a page, a list, or one JSON value a line), the second what
 * /.well-known/forge-receipts.json did; without it `forge-receipts.json` beside the first. Ends with 1 when anything is wrong.
 */
import canonicalize from "canonicalize";
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from "jose";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

type Line = { unit: string; amount: number; picoUsd: number };
type Charge = { usage: Record<string, unknown>; costNanoUsd: number; costSource: string; lines: Line[] };
type Entry = Charge & { id: string; keyId: string; end: string; reserved: { nanoUsd: number }; legs?: (Charge & { deployment: string })[]; adjusts?: { request: string } };
type Receipt = { entry: Entry; chain: { sequence: number; previous: string; hash: string }; jws: string };

/** What was found out about a file of receipts. Money is nano-USD. */
export type Verdict = { receipts: number; wrong: string[]; gaps: number; keys: Map<string, { requests: number; nanoUsd: number }> };

/** Every receipt in a text: JSON, or one JSON value a line. */
export function receiptsIn(text: string): Receipt[] {
  const values = (() => {
    try {
      return [JSON.parse(text) as unknown];
    } catch {
      return text.split("\n").filter((line) => line.trim() !== "").map((line) => JSON.parse(line) as unknown);
    }
  })();
  const flat = (value: unknown): unknown[] => (Array.isArray(value) ? value.flatMap(flat) : Array.isArray((value as { data?: unknown } | null)?.data) ? flat((value as { data: unknown }).data) : [value]);
  return values.flatMap(flat) as Receipt[];
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Nano-USD. */
const sumOf = (lines: readonly Line[]): number => Math.round(lines.reduce((pico, { amount, picoUsd }) => pico + amount * picoUsd, 0) / 1_000);

/** What is wrong with an answer in parts: each must be right by itself, and all together must be the whole. */
function faultsOfLegs({ lines, costNanoUsd, usage }: Entry, legs: NonNullable<Entry["legs"]>): string[] {
  const faults: string[] = [];
  for (const leg of legs) if (leg.lines.length > 0 && sumOf(leg.lines) !== leg.costNanoUsd) faults.push(`the lines of ${leg.deployment} come to ${sumOf(leg.lines)} nano-USD, it says ${leg.costNanoUsd}`);
  if (canonicalize(legs.flatMap((leg) => leg.lines)) !== canonicalize(lines)) faults.push("its lines are not those of its legs");
  // Rounded once where all is priced; a figure of a provider's own has no lines.
  const byLines = legs.every((leg) => leg.lines.length > 0 || leg.costNanoUsd === 0);
  const sum = byLines ? sumOf(lines) : legs.reduce((nano, leg) => nano + leg.costNanoUsd, 0);
  if (sum !== costNanoUsd) faults.push(`its legs come to ${sum} nano-USD, it says ${costNanoUsd}`);
  for (const [unit, amount] of Object.entries(usage)) {
    if (typeof amount === "number" && amount !== legs.reduce((all, leg) => all + Number(leg.usage[unit] ?? 0), 0)) faults.push(`its ${unit} are not those of its legs`);
  }
  return faults;
}

/** What is wrong with one receipt by itself. */
async function faultsOf({ entry, chain, jws }: Receipt, keys: ReturnType<typeof createLocalJWKSet>): Promise<string[]> {
  const faults: string[] = [];
  try {
    const { payload } = await compactVerify(jws, keys, { algorithms: ["EdDSA"] });
    if (new TextDecoder().decode(payload) !== canonicalize({ entry, chain })) faults.push("what is signed is not what stands here");
  } catch (error) {
    faults.push(`signature: ${(error as Error).message}`);
  }
  if (sha256(`${chain.previous}\n${canonicalize(entry)}`) !== chain.hash) faults.push("its hash is not that of its entry");
  const { lines, costNanoUsd, costSource, end, reserved, legs } = entry;
  if (legs) faults.push(...faultsOfLegs(entry, legs));
  else if (lines.length > 0 && sumOf(lines) !== costNanoUsd) faults.push(`its lines come to ${sumOf(lines)} nano-USD, it says ${costNanoUsd}`);
  if (end === "lease_expired" && costNanoUsd !== reserved.nanoUsd) faults.push("it ran out and was not charged what was reserved");
  if (costSource === "price" && lines.length === 0 && costNanoUsd !== 0) faults.push("it says that it was charged by price, and has no lines");
  return faults;
}

/** Checks receipts one by one and against each other: each key's must be one unbroken chain where they follow each other. */
export async function verify(receipts: readonly Receipt[], jwks: JSONWebKeySet): Promise<Verdict> {
  const keys = createLocalJWKSet(jwks);
  const verdict: Verdict = { receipts: receipts.length, wrong: [], gaps: 0, keys: new Map() };
  for (const receipt of receipts) for (const fault of await faultsOf(receipt, keys)) verdict.wrong.push(`${receipt.entry.id}: ${fault}`);
  const ids = new Set<string>();
  for (const { entry: { id } } of receipts) {
    if (ids.has(id)) verdict.wrong.push(`${id}: stands here twice`);
    ids.add(id);
  }
  for (const [key, own] of Map.groupBy(receipts, ({ entry }) => entry.keyId)) {
    const chain = own.toSorted((a, b) => a.chain.sequence - b.chain.sequence);
    chain.forEach(({ entry, chain: link }, i) => {
      const before = chain[i - 1];
      if (!before) return;
      if (link.sequence === before.chain.sequence) verdict.wrong.push(`${entry.id}: has the place of ${before.entry.id} in the chain`);
      else if (link.sequence > before.chain.sequence + 1) verdict.gaps += 1;
      else if (link.previous !== before.chain.hash) verdict.wrong.push(`${entry.id}: does not follow ${before.entry.id}, which stands before it`);
    });
    const nanoUsd = own.reduce((sum, { entry }) => sum + entry.costNanoUsd, 0);
    verdict.keys.set(key, { requests: own.filter(({ entry }) => entry.end !== "adjustment").length, nanoUsd });
  }
  return verdict;
}

const usd = (nano: number): string => `${nano < 0 ? "-" : ""}${Math.floor(Math.abs(nano) / 1e9)}.${String(Math.abs(nano) % 1e9).padStart(9, "0")}`;

async function main(): Promise<void> {
  const [file, keysFile = file && join(dirname(file), "forge-receipts.json")] = process.argv.slice(2);
  if (!file || !keysFile || !existsSync(keysFile)) {
    console.error("npm run verify-receipts <receipts.json> [<forge-receipts.json>]\n\nThe second file is what the gateway shows under /.well-known/forge-receipts.json.");
    process.exit(2);
  }
  const { receipts, wrong, gaps, keys } = await verify(receiptsIn(readFileSync(file, "utf8")), JSON.parse(readFileSync(keysFile, "utf8")) as JSONWebKeySet);
  for (const [key, { requests, nanoUsd }] of keys) console.log(`${key}: ${requests} requests, ${usd(nanoUsd)} USD`);
  for (const fault of wrong) console.log(`WRONG  ${fault}`);
  if (gaps > 0) console.log(`${gaps} gaps: receipts that stand between these are not in the file`);
  console.log(`${receipts} receipts, ${wrong.length} wrong`);
  process.exit(wrong.length > 0 || receipts === 0 ? 1 : 0);
}

if (import.meta.filename === process.argv[1]) await main();
