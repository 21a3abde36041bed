/** Tools, their choice, and the answer's form as Responses writes them: in requests, and again in answers as an echo. */
import { defined, type OutputFormat, type Tool, type ToolChoice } from "../../chat/index.ts";
import { protocolId, type Json } from "./words.ts";

/** A tool; undefined for another protocol's own. `strict` must be said: left out it means true, and many schemas are refused then. */
export function renderTool(tool: Tool): Json | undefined {
  if (tool.type === "opaque") return tool.protocol === protocolId ? (tool.value as Json) : undefined;
  const { type, name, description } = tool;
  if (type === "custom") return { type, name, ...defined({ description, format: tool.format }) };
  return { type, name, ...defined({ description }), parameters: tool.parameters ?? { type: "object", properties: {} }, strict: tool.strict ?? false };
}

export function renderToolChoice(choice: ToolChoice, tools: readonly Tool[]): string | Json {
  const named = (name: string): Json => ({ type: isCustom(name, tools) ? "custom" : "function", name });
  if (choice.type === "tool") return named(choice.name);
  if (choice.type === "allowed") return { type: "allowed_tools", mode: choice.mode, tools: choice.names.map(named) };
  return choice.type;
}

/** Whether a tool of the request takes free text. */
export const isCustom = (name: string, tools: readonly Tool[]): boolean => tools.some((tool) => tool.type === "custom" && tool.name === name);

export function renderFormat(output: OutputFormat): Json {
  if (output.type === "text") return { type: "text" };
  if (output.type === "json") return { type: "json_object" };
  const { name = "answer", description, schema, strict } = output;
  return { type: "json_schema", name, ...defined({ description, strict }), schema };
}
