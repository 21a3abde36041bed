/** Mistral's completions: what stands between a prompt and a suffix, told as a chat message. https://docs.mistral.ai/api/endpoint/fim */
import type { ChatResponse } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import type { Crossing, CrossingContext } from "../crossing.ts";
import { answerIn } from "../media/answer.ts";
import { picked, unsaid } from "../media/unsaid.ts";
import { openaiChatUpstream } from "../openai-chat/index.ts";
import type { Observation, ParseContext, RenderContext } from "../protocol.ts";
import { observationOf, Retelling } from "../retelling.ts";
import { fimProtocol } from "./native.ts";
import { parseConversation, textOf } from "./parse-request.ts";
import { CompletionRenderer, renderResponse } from "./render.ts";
import { usualTokens } from "./request.ts";

/** Fields that it calls the same, and those that are said otherwise, or by us. */
const same = ["suffix", "temperature", "top_p", "stop", "stream"];
const said = [...same, "model", "prompt", "max_tokens", "seed", "n", "echo", "stream_options"];

const parsing = ({ requestId, provider }: CrossingContext): ParseContext => ({ origin: { protocol: fimProtocol, provider }, idSeed: requestId.replace(/^req_/, "") });

const rendering = ({ json, requestId, nowS, provider, own = false, cost }: CrossingContext, seen: () => Observation): RenderContext => ({
  request: parseConversation(json), requestId, nowS, provider, own, ...(cost && { cost: () => cost(seen()) }),
});

/** An answer in which nothing was written is none. */
function retold(response: ChatResponse, context: CrossingContext): ReturnType<Crossing["read"]> {
  const seen = observationOf(response);
  if (response.choices.length === 0) return { seen, error: new GatewayError("upstream_error", `${context.provider}: the answer has nothing in it.`) };
  return { ...renderResponse(response, rendering(context, () => seen)), seen };
}

export const mistralFim: Crossing = {
  id: fimProtocol,
  path: () => "/fim/completions",
  render({ json, facts, upstreamId }) {
    const { prompt, max_tokens, seed } = json;
    const body = { model: upstreamId, prompt: textOf(prompt), ...picked(json, same), max_tokens: max_tokens ?? usualTokens, ...picked({ random_seed: seed }, ["random_seed"]) };
    return { body: JSON.stringify(body), losses: [...unsaid({ json, facts }, said), ...(facts.choices > 1 ? (["choices"] as const) : [])] };
  },
  read: ({ bytes }, context) => retold(openaiChatUpstream.parseResponse(answerIn(bytes, context.provider), parsing(context)), context),
  watch(context) {
    const observer: Retelling = new Retelling(openaiChatUpstream.parseStream(parsing(context)), new CompletionRenderer(rendering(context, () => observer.seen)));
    return observer;
  },
};
