/** Atlassian's request as chat completions has it: of its words only few are others. */
import { list, record, type Json } from "../json.ts";

/** Arguments are objects in its SDK's types and JSON text in its reference. */
function asCall(value: unknown): unknown {
  const call = record(value);
  const { arguments: given, ...named } = record(call.function);
  return { ...call, type: "function", function: { ...named, arguments: typeof given === "string" ? given : JSON.stringify(given ?? {}) } };
}

const asMessage = (value: unknown): unknown => {
  const message = record(value);
  return message.tool_calls === undefined ? message : { ...message, tool_calls: list(message.tool_calls).map(asCall) };
};

/** The body of a chat completion for a model. What is wrong with it its reader tells. */
export const asChat = (body: Json, model: string): Json => ({
  ...body, model, ...(Array.isArray(body.messages) && { messages: body.messages.map(asMessage) }), ...(body.stream === true && { stream_options: { include_usage: true } }),
});
