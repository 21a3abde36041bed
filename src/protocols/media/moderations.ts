/** OpenAI's moderations, Mistral's, and any conversation model as judge. https://platform.openai.com/docs/api-reference/moderations */
import { noUsage, type Loss } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { filled, isTold, objects, record } from "../json.ts";
import { openaiChat } from "../openai-chat/index.ts";
import { parseUsage } from "../openai-chat/usage.ts";
import type { Crossing, Observation, Protocol, RequestFacts } from "../protocol.ts";
import { answerIn } from "./answer.ts";
import { judge } from "./moderation-judge.ts";
import { categories, resultOf, type Category, type Verdict } from "./moderation-words.ts";
import { moderationIn, parseModeration } from "./moderations-request.ts";
import { unsaid } from "./unsaid.ts";

/** Mistral's categories that are OpenAI's in other words. https://docs.mistral.ai/capabilities/guardrailing */
const alike: Readonly<Record<string, Category>> = {
  sexual: "sexual", hate_and_discrimination: "hate", violence_and_threats: "violence", dangerous_and_criminal_content: "illicit", dangerous: "illicit", criminal: "illicit", selfharm: "self-harm",
};

const lost = (names: readonly string[]): Loss[] => names.map((name): Loss => `field:categories.${name}`);
/** What Mistral never judges. */
const unjudged = lost(categories.filter((category) => !Object.values(alike).includes(category)));

/** Of two of theirs that are one of ours the likelier one. */
function verdictOf({ categories: flags, category_scores: scores }: { categories?: unknown; category_scores?: unknown }): { verdict: Verdict; others: string[] } {
  const verdict: Verdict = {};
  const others: string[] = [];
  for (const [name, score] of Object.entries(record(scores))) {
    const ours = Object.hasOwn(alike, name) ? alike[name] : undefined;
    if (typeof score !== "number") continue;
    if (!ours) others.push(name);
    else verdict[ours] = { score: Math.max(score, verdict[ours]?.score ?? 0), flagged: record(flags)[name] === true || verdict[ours]?.flagged === true };
  }
  return { verdict, others };
}

export const mistralModerations: Crossing = {
  id: "mistral-moderations",
  path: () => "/moderations",
  render(context) {
    const { json, upstreamId, provider } = context;
    const input = moderationIn(json).inputs.map((parts) => parts.map((part) => {
      if (part.type === "text") return part.text;
      throw new GatewayError("invalid_request", `input: ${provider} moderates no pictures`, { param: "input" });
    }).join("\n"));
    return { body: JSON.stringify({ model: upstreamId, input }), losses: [...unsaid(context, ["model", "input"]), ...unjudged] };
  },
  read({ bytes }, { json, facts, provider, requestId }) {
    const { results, model, usage } = answerIn(bytes, provider);
    const told = objects(results).map(verdictOf);
    const { inputs } = moderationIn(json);
    if (told.length !== inputs.length || told.some(({ verdict }) => Object.keys(verdict).length === 0)) throw new GatewayError("upstream_error", `${provider} did not judge every input.`);
    const losses = lost([...categories.filter((category) => told.some(({ verdict }) => !verdict[category])), ...new Set(told.flatMap(({ others }) => others))]);
    const used = parseUsage(usage);
    return {
      body: JSON.stringify({ id: `modr-${requestId}`, model: filled(model) ?? facts.model, results: told.map(({ verdict }) => resultOf(verdict, ["text"])) }),
      losses,
      seen: { usage: used ?? { ...noUsage, inputTokens: facts.likelyInputTokens }, ...(!used && { guessed: true }), reportedNanoUsd: undefined, error: undefined, terminated: true, outputCharacters: 0 },
    };
  },
};

/** Moderation is free where nobody counts: what it read is not told. */
function observe(body: unknown, facts?: RequestFacts): Observation {
  const { usage } = record(body);
  const seen = openaiChat.observe(body);
  if (seen.error !== undefined || isTold(record(usage).prompt_tokens, record(usage).total_tokens)) return seen;
  return { ...seen, usage: { ...noUsage, inputTokens: facts?.likelyInputTokens ?? 0 }, guessed: true };
}

export const openaiModerations: Protocol = {
  ...openaiChat, id: "openai-moderations", kind: "moderation", path: "/moderations", parse: parseModeration, edits: () => ({}), observe, conversation: judge, crossings: [mistralModerations],
};
