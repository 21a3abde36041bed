/** Chat completions, the upstream's side. */
import type { Tool } from "./script.ts";
import { event, fieldsOf, list, pieces, textIn, type Json, type Wire } from "./wire.ts";

type Offered = { type: string; function?: { name: string; parameters?: unknown }; custom?: { name: string } };

const toolOf = ({ function: own, custom }: Offered): Tool => (own ? { name: own.name, fields: fieldsOf(own.parameters) } : { name: custom!.name });

export const openaiChat: Wire = {
  path: "/v1/chat/completions",
  idPrefix: "call",
  thinks: () => false,
  hear: ({ tools, messages }) => ({
    tools: list(tools).map((tool) => toolOf(tool as Offered)),
    results: new Map(list(messages).filter(({ role }) => role === "tool").map(({ tool_call_id, content }) => [tool_call_id as string, textIn(content)])),
    secrets: [],
  }),
  tell({ text, calls }, { inputTokens, cachedTokens, outputTokens, reasoningTokens }, id, { model, stream_options: options }) {
    const head = { id, object: "chat.completion.chunk", created: 1_790_000_000, model };
    const chunk = (delta: Json, finish_reason: string | null = null): string => event({ ...head, choices: [{ index: 0, delta, finish_reason }] });
    const told = calls.map(({ id: callId, tool, input }, index) => {
      const part = (own: Json, more: Json = {}): string => chunk({ tool_calls: [{ index, ...more, function: own }] });
      return part({ name: tool.name, arguments: "" }, { id: callId, type: "function" }) + pieces(input).map((piece) => part({ arguments: piece })).join("");
    });
    const usage = {
      prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens,
      prompt_tokens_details: { cached_tokens: cachedTokens }, completion_tokens_details: { reasoning_tokens: reasoningTokens },
    };
    return [
      chunk({ role: "assistant", content: "" }), ...pieces(text).map((content) => chunk({ content })), ...told, chunk({}, calls.length > 0 ? "tool_calls" : "stop"),
      (options as { include_usage?: boolean } | undefined)?.include_usage ? event({ ...head, choices: [], usage }) : "", "data: [DONE]\n\n",
    ].join("");
  },
};
