/** Messages, the upstream's side. Thinks where it is allowed to; a thought that comes back without its signature is not heard. */
import { event, fieldsOf, list, pieces, textIn, type Json, type Wire } from "./wire.ts";

const blocksOf = (messages: unknown, type: string): Json[] => list(messages).flatMap(({ content }) => list(content)).filter((block) => block.type === type);

export const anthropicMessages: Wire = {
  path: "/v1/messages",
  idPrefix: "toolu",
  thinks: ({ thinking }) => ["enabled", "adaptive"].includes((thinking as { type?: string } | undefined)?.type ?? ""),
  hear: ({ tools, messages }) => ({
    tools: list(tools).map(({ name, input_schema }) => ({ name: name as string, fields: fieldsOf(input_schema) })),
    results: new Map(blocksOf(messages, "tool_result").map(({ tool_use_id, content }) => [tool_use_id as string, textIn(content)])),
    secrets: blocksOf(messages, "thinking").map(({ signature }) => signature as string),
  }),
  tell({ thought, secret, text, calls }, { inputTokens, cachedTokens, outputTokens, reasoningTokens }, id, body) {
    let index = -1;
    const block = (content_block: Json, deltas: Json[]): string => {
      index += 1;
      return event({ type: "content_block_start", index, content_block }) + deltas.map((delta) => event({ type: "content_block_delta", index, delta })).join("") + event({ type: "content_block_stop", index });
    };
    const usage = { input_tokens: inputTokens - cachedTokens, cache_read_input_tokens: cachedTokens, cache_creation_input_tokens: 0 };
    return [
      event({ type: "message_start", message: { id, type: "message", role: "assistant", model: body.model, content: [], stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: 1 } } }),
      event({ type: "ping" }),
      this.thinks(body) ? block({ type: "thinking", thinking: "", signature: "" }, [{ type: "thinking_delta", thinking: thought }, { type: "signature_delta", signature: secret }]) : "",
      block({ type: "text", text: "" }, pieces(text).map((piece) => ({ type: "text_delta", text: piece }))),
      ...calls.map(({ id: callId, tool, input }) =>
        block({ type: "tool_use", id: callId, name: tool.name, input: {} }, pieces(input).map((partial_json) => ({ type: "input_json_delta", partial_json })))),
      event({
        type: "message_delta", delta: { stop_reason: calls.length > 0 ? "tool_use" : "end_turn", stop_sequence: null },
        usage: { ...usage, output_tokens: outputTokens, output_tokens_details: { thinking_tokens: reasoningTokens } },
      }),
      event({ type: "message_stop" }),
    ].join("");
  },
};
