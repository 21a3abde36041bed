/** Responses, the upstream's side. It keeps nothing: its thoughts must come back with the conversation. */
import type { Call, Tool } from "./script.ts";
import { event, fieldsOf, list, pieces, textIn, type Json, type Wire } from "./wire.ts";

/** Tools that can be called by name; those of a namespace like others. */
const toolsOf = (tools: unknown): Tool[] => list(tools).flatMap(({ type, name, parameters, tools: inner }) => {
  if (type === "namespace") return toolsOf(inner);
  if (type !== "function" && type !== "custom") return [];
  return [{ name: name as string, ...(type === "function" && { fields: fieldsOf(parameters) }) }];
});

const ofType = (input: unknown, ...types: string[]): Json[] => list(input).filter(({ type }) => types.includes(type as string));

export const openaiResponses: Wire = {
  path: "/v1/responses",
  idPrefix: "call",
  thinks: () => true,
  hear: ({ tools, input }) => ({
    tools: [...toolsOf(tools), ...ofType(input, "additional_tools").flatMap(({ tools: more }) => toolsOf(more))],
    results: new Map(ofType(input, "function_call_output", "custom_tool_call_output").map(({ call_id, output }) => [call_id as string, textIn(output)])),
    secrets: ofType(input, "reasoning").map(({ encrypted_content: secret }) => secret as string),
  }),
  tell({ secret, text, calls }, { inputTokens, cachedTokens, outputTokens, reasoningTokens }, id, { model }) {
    let sequence = 0;
    const say = (type: string, rest: Json): string => event({ type, sequence_number: sequence++, ...rest });
    const response = { id, object: "response", created_at: 1_790_000_000, model, error: null, incomplete_details: null };
    const opening = say("response.created", { response: { ...response, status: "in_progress", output: [] } });
    const output: Json[] = [];
    const item = (empty: Json, whole: Json, inside: (at: Json) => string): string => {
      const output_index = output.push(whole) - 1;
      const at = { output_index, item_id: whole.id };
      return say("response.output_item.added", { output_index, item: empty }) + inside(at) + say("response.output_item.done", { output_index, item: whole });
    };
    const thought = { id: `rs_${id}`, type: "reasoning", summary: [], encrypted_content: secret };
    const told = [item(thought, thought, () => ""), item(...message(`msg_${id}`, text, say)), ...calls.map((call) => item(...calling(call, say)))];
    const usage = {
      input_tokens: inputTokens, input_tokens_details: { cached_tokens: cachedTokens }, output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: reasoningTokens }, total_tokens: inputTokens + outputTokens,
    };
    return [opening, ...told, say("response.completed", { response: { ...response, status: "completed", output, usage } })].join("");
  },
};

type Say = (type: string, rest: Json) => string;
type Item = [empty: Json, whole: Json, inside: (at: Json) => string];

function message(id: string, text: string, say: Say): Item {
  const head = { id, type: "message", role: "assistant" };
  const part = { type: "output_text", text, annotations: [], logprobs: [] };
  return [{ ...head, status: "in_progress", content: [] }, { ...head, status: "completed", content: [part] }, (at) => {
    const where = { ...at, content_index: 0 };
    return say("response.content_part.added", { ...where, part: { ...part, text: "" } })
      + pieces(text).map((delta) => say("response.output_text.delta", { ...where, delta, logprobs: [] })).join("")
      + say("response.output_text.done", { ...where, text, logprobs: [] }) + say("response.content_part.done", { ...where, part });
  }];
}

function calling({ id, tool: { name, fields }, input }: Call, say: Say): Item {
  const [type, event, field] = fields ? ["function_call", "response.function_call_arguments", "arguments"] : ["custom_tool_call", "response.custom_tool_call_input", "input"];
  const head = { id: `${fields ? "fc" : "ctc"}_${id}`, type, call_id: id, name };
  return [{ ...head, status: "in_progress", [field]: "" }, { ...head, status: "completed", [field]: input }, (at) =>
    pieces(input).map((delta) => say(`${event}.delta`, { ...at, delta })).join("") + say(`${event}.done`, { ...at, [field]: input })];
}
