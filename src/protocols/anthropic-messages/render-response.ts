/** Writes an answer as a message. https://docs.anthropic.com/en/api/messages */
import { seal, textOf, type ChatResponse, type Loss, type Part } from "../../chat/index.ts";
import type { RenderContext } from "../protocol.ts";
import { renderCost } from "../render-cost.ts";
import { lossesOf, ownCitation, renderFinish, renderHead, renderTier, renderUsage } from "./render-answer.ts";
import { inputObject } from "./render-tool-input.ts";
import { finishOf, protocol, toolId, type Json } from "./words.ts";

/** The answer as JSON text. Messages knows one answer to a request. */
export function renderResponse(response: ChatResponse, context: RenderContext): { body: string; losses: Loss[] } {
  const [first, ...others] = response.choices;
  const { parts, finish } = first ?? { parts: [], finish: finishOf(undefined, undefined) };
  const message = {
    ...renderHead(response, context),
    content: parts.flatMap(renderPart),
    ...renderFinish(finish, parts.some(({ type }) => type === "tool-call")),
    usage: { ...renderUsage(response.usage), ...renderTier(response.serviceTier), ...renderCost(context) },
  };
  const losses = new Set<Loss>([...parts.flatMap(lossesOf), ...(others.length > 0 ? (["choices"] as const) : [])]);
  return { body: JSON.stringify(message), losses: [...losses] };
}

function renderPart(part: Part): Json[] {
  const renderer = renderers[part.type] as (part: Part) => Json[];
  return renderer(part);
}

const renderers: { [T in Part["type"]]: (part: Extract<Part, { type: T }>) => Json[] } = {
  text: ({ text, citations = [] }) => {
    const own = citations.map(ownCitation).filter((one) => one !== undefined);
    return text || own.length > 0 ? [{ type: "text", text, ...(own.length > 0 && { citations: own }) }] : [];
  },
  reasoning: (part) => {
    const thinking = textOf(part);
    const { signature, encrypted } = part;
    if (thinking || signature !== undefined) return [{ type: "thinking", thinking, signature: seal(part) }];
    return encrypted === undefined ? [] : [{ type: "redacted_thinking", data: seal(part) }];
  },
  "tool-call": ({ id, name, input, custom }) => [{ type: "tool_use", id: toolId(id), name, input: inputObject(input, custom) }],
  "tool-result": () => [],
  file: ({ transcript }) => (transcript ? [{ type: "text", text: transcript }] : []),
  opaque: ({ protocol: whose, value }) => (whose === protocol ? [value as Json] : []),
};
