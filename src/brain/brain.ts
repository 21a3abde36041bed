/** Brain mode as a layer around the one path: what it takes is reserved before the first step, and is one request to the ledger. */
import { GatewayError } from "../errors.ts";
import { refusal, serve, Undertaking, type RequestContext, type Serve, type StepBound } from "../pipeline/index.ts";
import { forgelab, openaiChat, readForgelab, textBound, type ForgelabRequest, type Protocol } from "../protocols/index.ts";
import { kinds, longestInstruction, mostTasks } from "./plan.ts";
import { stepTokens, think, type Question } from "./think.ts";
import { writer, type Result } from "./words.ts";

/** Tokens of what a template writes around a step's messages, and of the schema of its answer. */
const aroundStep = 2_000;
/** Output tokens of an answer whose client sets no bound. */
const answerTokens = 8_192;
/** How long the steps before the answer may take; one that runs then is not waited for. */
const mostMs = 120_000;

/** What each step can use at most: planner, tasks and as many again, reviewer, and the answer. */
function boundsOf({ message, model, maxTokens }: ForgelabRequest): StepBound[] {
  const said = textBound(message) + aroundStep;
  const results = mostTasks * stepTokens.task * bytesPerToken;
  return [
    { models: [kinds.quick], inputTokens: said, outputTokens: stepTokens.plan },
    { models: [...new Set([...Object.values(kinds), model])], inputTokens: said + longestInstruction * bytesPerCharacter + results, outputTokens: stepTokens.task, times: mostTasks },
    { models: [kinds.quick], inputTokens: said + results, outputTokens: stepTokens.review },
    { models: [model], inputTokens: said + results, outputTokens: maxTokens ?? answerTokens },
  ];
}

/** A token is rarely more than so many bytes of text, which is what a result is counted by before anybody has counted its tokens. */
const bytesPerToken = 8;
const bytesPerCharacter = 4;

/** Answers ForgeLab's requests in brain mode. `fltPerUsd`: FLT that the installation gives for a USD. */
export const brain = (fltPerUsd: number): Serve => async (context, protocol) => {
  const { json } = context.read!;
  let under: Undertaking | undefined;
  try {
    const asked = readForgelab(json);
    under = await begin(context, protocol, asked);
    if (!under) return await serve(context, forgelab(fltPerUsd));
    const results = await worked(under, asked, context.startedAtMs);
    return await answered(under, asked, results, fltPerUsd);
  } catch (thrown) {
    return refusal(context, protocol, undefined, thrown);
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

/** The parts of the work, done as far as time and the reservation go. */
function worked(under: Undertaking, { message, model }: ForgelabRequest, startedAtMs: number): Promise<Result[] | undefined> {
  const timeLeft = (): boolean => Date.now() - startedAtMs < mostMs;
  return think({ message, model: model === kinds.general ? undefined : model, timeLeft, ask: (question) => ask(under, question) });
}

/** One question as a chat completion. Whatever goes wrong with it is no answer. */
async function ask(under: Undertaking, { step, model, messages, maxTokens, schema }: Question): Promise<string | undefined> {
  const format = schema && { response_format: { type: "json_schema", json_schema: { name: step, schema, strict: true } } };
  const response = await serve(under.step(step, { model, messages, max_tokens: maxTokens, ...format }), openaiChat);
  const text = await response.text();
  if (!response.ok) return undefined;
  try {
    const { choices } = JSON.parse(text) as { choices?: { message?: { content?: string | null } }[] };
    return choices?.[0]?.message?.content ?? undefined;
  } catch {
    return undefined;
  }
}

/** The answer itself, in the client's protocol, with all that was used before it. */
function answered(under: Undertaking, { message, trace, model, maxTokens, temperature, stream }: ForgelabRequest, results: Result[] | undefined, fltPerUsd: number): Promise<Response> {
  const before = { ...under.spent, ...(trace && { trace: under.done.map(told) }) };
  const body = { model, temperature, stream, message: results ? writer(message, results) : message, ...(maxTokens !== undefined && { max_tokens: maxTokens }) };
  return serve(under.step("answer", body), forgelab(fltPerUsd, before));
}

const told = ({ name, startedMs, endedMs, outcome: { deployment, usage, costNanoUsd, status } }: Undertaking["done"][number]): object =>
  ({ step: name, deployment, status, started_ms: startedMs, ended_ms: endedMs, prompt_tokens: usage.inputTokens, completion_tokens: usage.outputTokens, cost: costNanoUsd / 1e9 });
