/**
 * `npm run test:openresponses`: the cases of Open Responses' compliance suite through the gateway, against stand-ins that speak Responses,
 * Messages and Gemini; every answer and every event against the published schemas, where the document is there. Ends with 1 when a case fails.
 */
import { existsSync, readFileSync } from "node:fs";
import { startLocal } from "../../scripts/local.ts";
import { Upstream } from "../resume/upstream.ts";
import { createKey } from "../support/admin.ts";
import { cases, type Said } from "./cases.ts";
import { Document, type Schema } from "./schema.ts";

const published = new URL("../../../shared/specs/openresponses.2026-07-15.json", import.meta.url);
const document = existsSync(published) ? new Document(JSON.parse(readFileSync(published, "utf8")) as Schema) : undefined;
const known = document?.events();
/** The document of that day does not know tools that providers run themselves, nor their items. */
const inDocument = ({ type }: { type: string }): boolean => !cases.some(({ hosted }) => type === hosted || type === `${hosted}_call`);
console.log(document ? `Checked against ${published.pathname.split("/").at(-1)}.` : "The published schemas are not here: only what the cases say is checked.");

const upstream = new Upstream(1);
const origin = await upstream.start();
const gateway = await startLocal({
  port: 0, onLog: () => {},
  vars: {
    ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true",
    OPENAI_API_KEY: "k", OPENAI_BASE_URL: `${origin}/v1`, ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: `${origin}/v1`, GEMINI_API_KEY: "k", GEMINI_BASE_URL: `${origin}/v1beta`,
  },
});
const key = await createKey(gateway.url, { limits: { requestsPerMinute: 100_000 } });

class Refused extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(`${status} ${text}`);
    this.status = status;
  }
}

/** Asks the gateway, and says what of the answer is not as it is published. */
async function ask(model: string, body: object, problems: string[]): Promise<Said> {
  const response = await fetch(`${gateway.url}/v1/responses`, { method: "POST", headers: { authorization: `Bearer ${key.secret}`, "content-type": "application/json" }, body: JSON.stringify({ model, ...body }) });
  const text = await response.text();
  if (!response.ok) throw new Refused(response.status, text);
  const streamed = response.headers.get("content-type")!.startsWith("text/event-stream");
  const events = streamed ? text.split("\n\n").flatMap((frame) => (/^data: (\{.*)$/m.exec(frame)?.[1] ? [JSON.parse(/^data: (\{.*)$/m.exec(frame)![1]!) as Record<string, any>] : [])) : [];
  for (const event of events) {
    const schema = known?.get(event.type as string);
    if (known && !schema) problems.push(`${event.type}: is no event of the standard`);
    else if (schema) problems.push(...document!.check(event, schema));
  }
  events.forEach((event, index) => event.sequence_number !== index && problems.push(`event ${index} says that it is ${event.sequence_number}`));
  const whole = streamed ? (events.at(-1)!.response as Record<string, any>) : (JSON.parse(text) as Record<string, any>);
  if (document) problems.push(...document.check({ ...whole, output: whole.output.filter(inDocument), tools: whole.tools.filter(inDocument) }, "ResponseResource"));
  return { response: whole, events };
}

/** What is wrong with how a tool is refused that only another provider runs: it must be told which. */
const refusedByName = (thrown: unknown, tool: string): string[] =>
  thrown instanceof Refused && thrown.status === 400 && thrown.message.includes(tool) ? [] : [`${tool} is not refused by its name: ${String(thrown)}`];

let failed = 0;
for (const model of ["openai/gpt-test", "anthropic/claude-test", "gemini/gemini-test"]) {
  let [passed, refused] = [0, 0];
  for (const { id, hosted, run } of cases) {
    const problems: string[] = [];
    const offered = hosted === undefined || model.startsWith("openai/");
    const told = run((body) => ask(model, body, problems));
    problems.push(...(await (offered ? told.catch((error: unknown) => [String(error)]) : told.then(() => [`${hosted} is not refused`], (thrown: unknown) => refusedByName(thrown, hosted)))));
    if (problems.length === 0 && !offered) refused += 1;
    else if (problems.length === 0) passed += 1;
    else console.log(`  FAILED ${model} ${id}\n    ${[...new Set(problems)].slice(0, 6).join("\n    ")}`);
  }
  failed += cases.length - passed - refused;
  console.log(`${model.padEnd(24)} ${passed} of ${cases.length - refused} pass${refused > 0 ? `, ${refused} ask for a tool that only another provider runs, and are refused by its name` : ""}`);
}
await gateway.stop();
upstream.stop();
process.exit(failed === 0 ? 0 : 1);
