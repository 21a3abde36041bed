/** Items of MCP as Responses writes them. https://platform.openai.com/docs/api-reference/responses/object */
import { list, record, stringIn, type Json } from "../protocols/json.ts";

/** What became of a call. */
export type Outcome = { readonly output: string | null; readonly error: CallError | null };
export type CallError =
  | { readonly type: "mcp_tool_execution_error"; readonly content: unknown }
  | { readonly type: "mcp_protocol_error" | "http_error"; readonly code: number; readonly message: string };

/** A call of a tool, as it stands in the output. */
export type Call = {
  readonly id: string; readonly server_label: string; readonly name: string; readonly arguments: string; readonly approval_request_id?: string | undefined;
};

/** So much of a result a model is told; the rest would only fill its window. */
const mostCharacters = 256 * 1024;

const cut = (text: string): string => (text.length > mostCharacters ? `${text.slice(0, mostCharacters)}\n[${text.length - mostCharacters} more characters are left out]` : text);

/** A block of a result in words. */
function wordsOf(block: Json): string {
  const { type, text, mimeType, uri, name, resource } = block;
  const inner = record(resource);
  if (type === "text") return stringIn(text) ?? "";
  if (type === "resource" && typeof inner.text === "string") return inner.text;
  if (type === "resource_link") return `[${stringIn(name) ?? "resource"}: ${stringIn(uri) ?? ""}]`;
  return `[${String(type)} of type ${stringIn(mimeType) ?? stringIn(inner.mimeType) ?? "unknown"}, which cannot be shown]`;
}

/** What an MCP server has answered to a call. */
export function outcomeOf({ content, structuredContent, isError }: Json): Outcome {
  const blocks = list(content).map(record);
  if (isError === true) return { output: null, error: { type: "mcp_tool_execution_error", content: blocks.map((block) => ({ type: "text", text: cut(wordsOf(block)) })) } };
  const words = blocks.map(wordsOf).join("\n");
  return { output: cut(words === "" && structuredContent !== undefined ? JSON.stringify(structuredContent) : words), error: null };
}

/** What the model is told of a call's end. `error` may be a client's own repetition of what it was told. */
export function textOf({ output, error }: { output?: unknown; error?: unknown }): string {
  if (error == null) return stringIn(output) ?? "";
  const { content, message } = record(error);
  const words = Array.isArray(content) ? content.map((block) => wordsOf(record(block))).join("\n") : (stringIn(message) ?? (typeof error === "string" ? error : JSON.stringify(error)));
  return `Error: ${words}`;
}

export type CallStatus = "in_progress" | "completed" | "incomplete" | "failed";

/** A call as an item of the output. */
export const callItem = ({ id, server_label, name, approval_request_id, ...call }: Call, status: CallStatus, { output, error }: Outcome = { output: null, error: null }): Json =>
  ({ id, type: "mcp_call", status, approval_request_id: approval_request_id ?? null, arguments: call.arguments, error, name, output, server_label });

/** The question whether a call may be made. */
export const approvalItem = (id: string, { name, server_label, arguments: input }: Pick<Call, "name" | "server_label" | "arguments">): Json =>
  ({ id, type: "mcp_approval_request", arguments: input, name, server_label });

/** A call as the model made it, and what it is told of its end. */
export const functionCall = (call_id: string, name: string, input: string): Json => ({ type: "function_call", call_id, name, arguments: input || "{}" });
export const functionOutput = (call_id: string, output: string): Json => ({ type: "function_call_output", call_id, output });
