/** Tools, their choice, and the answer's form as Responses writes them: in requests, and again in answers as an echo. */
import { defined, type OutputFormat, type Tool, type ToolChoice } from "../../chat/index.ts";
import { list, protocolId, type Json } from "./words.ts";

/** Tools without those of other protocols; a namespace stands where its first tool stood. */
export function renderTools(tools: readonly Tool[]): Json[] {
  const rendered: Json[] = [];
  const namespaces = new Map<string, Json>();
  for (const tool of tools) {
    const written = renderTool(tool);
    const namespace = tool.type === "opaque" ? undefined : tool.namespace;
    if (written === undefined) continue;
    const known = namespaces.get(namespace?.name ?? "");
    if (!namespace) rendered.push(written);
    else if (known) list(known.tools).push(written);
    else {
      const { name, description } = namespace;
      const group: Json = { type: "namespace", name, ...defined({ description }), tools: [written] };
      namespaces.set(name, group);
      rendered.push(group);
    }
  }
  return rendered;
}

/** `strict` must be said: left out it means true, and many schemas are refused then. */
function renderTool(tool: Tool): Json | undefined {
  if (isForeign(tool)) return undefined;
  if (tool.type === "opaque") return tool.value as Json;
  const { type, name, description } = tool;
  if (type === "custom") return { type, name, ...defined({ description, format: tool.format }) };
  const parameters = tool.parameters ?? { type: "object", properties: {} };
  if (tool.search) return { type: "tool_search", execution: "client", ...defined({ description }), parameters };
  return { type, name, ...defined({ description }), parameters, strict: tool.strict ?? false };
}

/** Whether another protocol's provider runs it itself. */
export const isForeign = (tool: Tool): boolean => tool.type === "opaque" && tool.protocol !== protocolId;

export function renderToolChoice(choice: ToolChoice, tools: readonly Tool[]): string | Json {
  const named = (name: string): Json => ({ type: isCustom(name, tools) ? "custom" : "function", name });
  if (choice.type === "tool") return named(choice.name);
  if (choice.type === "allowed") return { type: "allowed_tools", mode: choice.mode, tools: choice.names.map(named) };
  return choice.type;
}

/** Whether a tool of the request takes free text. */
const isCustom = (name: string, tools: readonly Tool[]): boolean => tools.some((tool) => tool.type === "custom" && tool.name === name);

export function renderFormat(output: OutputFormat): Json {
  if (output.type === "text") return { type: "text" };
  if (output.type === "json") return { type: "json_object" };
  const { name = "answer", description, schema, strict } = output;
  return { type: "json_schema", name, ...defined({ description, strict }), schema };
}
