/**
 * `npm run test:bound [-- --show N]`: what is reserved for each recorded request, beside what its provider said it
 * used. A bound below the usage is wrong, unless its recording is named below with the reason. Needs the folder of recordings beside
 * the project.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { mostInput, mostOutput } from "../../src/pipeline/most.ts";
import { boundConversation } from "../../src/protocols/bound.ts";
import type { RequestFacts } from "../../src/protocols/protocol.ts";
import { providerOf, selfHosted } from "../../src/providers/index.ts";
import { recordedBody, type Recording } from "./compare.ts";
import { models, type Window } from "./models.ts";
import { protocolFor, usageIn } from "./usage.ts";

/** Recordings whose provider used more than the request says, and why. */
const explained: Readonly<Record<string, string>> = {};

const { values: flags } = parseArgs({ options: { show: { type: "string", default: "40" } } });
const folder = fileURLToPath(new URL("../../../shared/recordings/corpus/", import.meta.url));
if (!existsSync(folder)) {
  console.log("No recordings beside the project: nothing to compare.");
  process.exit(0);
}

type Row = { id: string; provider: string; endpoint: string; status: number; model: string | null; features: string[] };
type Measured = { id: string; group: string; kind: string; input: { most: number; likely: number; used: number }; output: { most: number; used: number } };

const windows = models();

/** What we know of a recorded request: as its client protocol reads it, or, for one that only providers speak, as the same walk reads it. */
function factsOf(row: Row, recording: Recording, body: Record<string, unknown>): RequestFacts | undefined {
  const protocol = protocolFor(row.endpoint, row.model ?? "recorded", recording.stream);
  if (!protocol) return { model: "", stream: false, usageAsked: true, ...boundConversation(body, false), outputTokens: outputLimit(body), choices: 1 };
  try {
    return protocol.parse({ model: row.model ?? "recorded", ...body });
  } catch {
    return undefined;
  }
}

const outputLimit = ({ inferenceConfig, max_tokens }: Record<string, unknown>): number | undefined =>
  (inferenceConfig as { maxTokens?: number } | undefined)?.maxTokens ?? (max_tokens as number | undefined);

function deploymentOf({ provider: id, model }: Row, { contextTokens, maxOutputTokens }: Window): Parameters<typeof mostInput>[0] {
  const provider = providerOf(id) ?? selfHosted;
  return { endpoint: { provider }, upstreamId: model ?? "", contextTokens, maxOutputTokens };
}

/** What is in a request beside plain text. */
const kindOf = ({ pictures, unseen, readings = 1 }: RequestFacts): string =>
  unseen ? (readings > 1 ? "hosted loop" : "unseen") : pictures ? "pictures" : "text and tools";

const measured: Measured[] = [];
let refused = 0;
for (const line of readFileSync(`${folder}index.jsonl`, "utf8").split("\n").filter(Boolean)) {
  const row = JSON.parse(line) as Row;
  if (row.status >= 300) continue;
  const recording = JSON.parse(readFileSync(`${folder}${row.provider}/${row.endpoint}/${row.id}.json`, "utf8")) as Recording;
  const body = recordedBody(recording);
  const usage = usageIn(row, recording);
  if (!body || !usage || usage.inputTokens + usage.outputTokens === 0) continue;
  const facts = factsOf(row, recording, body);
  if (!facts) {
    refused += 1;
    continue;
  }
  const deployment = deploymentOf(row, windows(row.provider, row.model ?? String(body.model)));
  measured.push({
    id: row.id, group: `${row.provider}/${row.endpoint}`, kind: kindOf(facts),
    input: { most: mostInput(deployment, facts), likely: facts.likelyInputTokens, used: usage.inputTokens },
    output: { most: mostOutput(deployment, facts), used: usage.outputTokens },
  });
}
report();

function at(numbers: readonly number[], part: number): string {
  return numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * part))]?.toFixed(2) ?? "-";
}

function report(): void {
  for (const [kind, of] of Map.groupBy(measured, (one) => one.kind)) {
    for (const [size, some] of [["all", of], ["1,000 tokens and more", of.filter(({ input }) => input.used >= 1_000)]] as const) {
      const ratios = some.filter(({ input }) => input.used > 0).map(({ input }) => input.most / input.used);
      console.log(`${kind.padEnd(16)} ${size.padEnd(22)} ${String(some.length).padStart(5)}  bound / used: median ${at(ratios, 0.5)}, p95 ${at(ratios, 0.95)}, least ${at(ratios, 0)}`);
    }
  }
  const likely = measured.filter(({ kind, input }) => kind === "text and tools" && input.used >= 200).map(({ input }) => input.likely / input.used);
  console.log(`likely / used, text of 200 tokens and more: p5 ${at(likely, 0.05)}, median ${at(likely, 0.5)}, p95 ${at(likely, 0.95)}`);
  const beyond = measured.flatMap(({ id, group, kind, input, output }) => [
    ...(input.most < input.used ? [{ id, text: `${group}/${id} (${kind}): ${input.used} read, bound ${input.most}` }] : []),
    ...(output.most < output.used ? [{ id, text: `${group}/${id} (${kind}): ${output.used} written, bound ${output.most}` }] : []),
  ]);
  const wrong = beyond.filter(({ id }) => !(id in explained));
  for (const { id, text } of beyond.slice(0, Number(flags.show))) console.log(`${id in explained ? "explained" : "WRONG    "} ${text}${id in explained ? `: ${explained[id]}` : ""}`);
  console.log(`${measured.length - beyond.length} of ${measured.length} within their bound, ${beyond.length - wrong.length} explained, ${wrong.length} wrong; ${refused} are refused`);
  if (wrong.length > 0) process.exitCode = 1;
}
