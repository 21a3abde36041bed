/** Brain mode as a layer around the one path: what it takes is reserved before the first step, and is one request to the ledger. */
import { GatewayError } from "../errors.ts";
import { callerOf, refusal, serve, Undertaking, type RequestContext, type Serve, type StepBound } from "../pipeline/index.ts";
import { forgelab, openaiChat, readForgelab, textBound, type ForgelabRequest, type Protocol } from "../protocols/index.ts";
import { within } from "../within.ts";
import { instructionBytes, kinds, mostTasks, reasonBytes } from "./plan.ts";
import { mostBytes, said } from "./said.ts";
import { stepTokens, think, type Question } from "./think.ts";
import { writer, type Result } from "./words.ts";

/** What is written around a step's messages, in bytes: our own words, a template, the schema of its answer, and tags around results. */
const aroundStep = 5_000;
/** Characters of an answer, around what it says included. */
const mostCharacters = 4_000_000;
/** How long a step that was answered is given to be counted before the answer tells what was used. */
const endingMs = 1_000;

/** What each step can use at most: planner, tasks, reviewer, and the answer. Results that are asked for again take what the others leave. */
function boundsOf({ message, model, maxTokens }: ForgelabRequest): StepBound[] {
  const asked = textBound(message) + aroundStep;
  const results = mostTasks * mostBytes;
  return [
    { models: [kinds.quick], inputTokens: asked, outputTokens: stepTokens.plan },
    { models: [...new Set([...Object.values(kinds), model])], inputTokens: asked + instructionBytes + reasonBytes + results, outputTokens: stepTokens.task, times: mostTasks },
    { models: [kinds.quick], inputTokens: asked + results, outputTokens: stepTokens.review },
    { models: [model], inputTokens: asked + results, outputTokens: maxTokens },
  ];
}

/** Answers ForgeLab's requests in brain mode. `fltPerUsd`: FLT that the installation gives for a USD. */
export const brain = (fltPerUsd: number): Serve => async (context, protocol) => {
  const { json } = context.read!;
  let under: Undertaking | undefined;
  let model: string | undefined;
  try {
    const asked = readForgelab(json);
    ({ model } = asked);
    under = await begin(context, protocol, asked);
    if (!under) return await serve(context, forgelab(fltPerUsd, asked.trace ? { usd: 0, trace: [] } : undefined));
    const results = await worked(under, asked, context.startedAtMs + context.isolate.settings.BRAIN_TIMEOUT_MS);
    await within(under.idle(), endingMs);
    return await answered(under, asked, results, fltPerUsd);
  } catch (thrown) {
    return refusal(context, protocol, await callerOf(context).catch(() => undefined), thrown, model);
  } finally {
    under?.close();
  }
};

/** undefined: what all steps together may use is more than the caller has; the request is answered directly. */
async function begin(context: RequestContext, protocol: Protocol, asked: ForgelabRequest): Promise<Undertaking | undefined> {
  try {
    return await Undertaking.begin(context, protocol, context.read!.text, boundsOf(asked));
  } catch (error) {
    if (error instanceof GatewayError && ["insufficient_credits", "quota_exceeded", "token_rate_limit_exceeded"].includes(error.code)) return undefined;
    throw error;
  }
}

/** The parts of the work, done as far as time and the reservation go. A step that runs at `untilMs` is ended. */
function worked(under: Undertaking, { message, model }: ForgelabRequest, untilMs: number): Promise<Result[] | undefined> {
  const timeLeft = (): boolean => Date.now() < untilMs;
  return think({ message, model: model === kinds.general ? undefined : model, timeLeft, ask: (question) => ask(under, question, untilMs) });
}

/** The text of an answer, which may come as a stream although nobody asked for one; undefined: it takes too long, or too much room. */
async function textOf({ body }: Response, untilMs: number): Promise<string | undefined> {
  const reader = body!.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const read = await within(reader.read(), Math.max(0, untilMs - Date.now()));
    if (!read || text.length > mostCharacters) {
      reader.cancel().catch(() => {});
      return undefined;
    }
    text += decoder.decode(read.value, { stream: !read.done });
    if (read.done) return text;
  }
}

/** With these a server may say that it cannot write by a schema, and we that no deployment can; the same question without one may be answered. */
const unformatted = new Set([400, 404, 422, 500, 501, 502]);

/** One question as a chat completion. Whatever goes wrong with it is no answer. */
async function ask(under: Undertaking, { step, model, messages, maxTokens, schema }: Question, untilMs: number): Promise<string | undefined> {
  const format = schema && { response_format: { type: "json_schema", json_schema: { name: step, schema, strict: true } } };
  const response = await serve(under.step(step, { model, messages, max_tokens: maxTokens, ...format }, { untilMs }), openaiChat);
  const text = await textOf(response, untilMs);
  if (response.ok) return text === undefined ? undefined : said(text);
  return schema && unformatted.has(response.status) && Date.now() < untilMs ? ask(under, { step, model, messages, maxTokens }, untilMs) : undefined;
}

/** The answer itself, in the client's protocol, with all that was used before it. */
function answered(under: Undertaking, { message, trace, model, maxTokens, temperature, stream }: ForgelabRequest, results: Result[] | undefined, fltPerUsd: number): Promise<Response> {
  const before = { ...under.spent, ...(trace && { trace: under.done.map(told) }) };
  const body = { model, temperature, stream, message: results ? writer(message, results) : message, ...(maxTokens !== undefined && { max_tokens: maxTokens }) };
  return serve(under.step("answer", body, { last: true }), forgelab(fltPerUsd, before));
}

const told = ({ name, startedMs, endedMs, outcome: { deployment, usage, costNanoUsd, status } }: Undertaking["done"][number]): object =>
  ({ step: name, deployment, status, started_ms: startedMs, ended_ms: endedMs, prompt_tokens: usage.inputTokens, completion_tokens: usage.outputTokens, cost: costNanoUsd / 1e9 });
