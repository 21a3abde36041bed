/** Reads a client's tools and which of them it wants called. https://platform.openai.com/docs/api-reference/chat/create */
import { defined, type OutputFormat, type Tool, type ToolChoice } from "../../chat/index.ts";
import { needText, parseCache, wrong } from "./parse-parts.ts";
import { record } from "../json.ts";
import { protocolId } from "./words.ts";

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const object = (value: unknown): Record<string, unknown> | undefined => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined);

function parseFunction(value: unknown, path: string): Extract<Tool, { type: "function" }> {
  const { name, description, parameters, strict } = record(value);
  const known = defined({ description: text(description), parameters: object(parameters) });
  return { type: "function", name: needText(name, `${path}.name`), ...known, ...(strict === true && { strict }) };
}

/** Chat completions hold a grammar in an object of its own. */
function flatFormat(format: unknown): unknown {
  const { type, grammar } = record(format);
  return type === "grammar" && object(grammar) ? { type, ...object(grammar) } : (format ?? undefined);
}

/** One entry of `tools`; what is neither function nor custom tool is a provider's own. */
export function parseTool(value: unknown, path: string): Tool {
  const tool = record(value);
  if (tool.type === "function" || (tool.type === undefined && tool.function !== undefined)) {
    return { ...parseFunction(tool.function, `${path}.function`), ...parseCache(tool.cache_control) };
  }
  if (tool.type === "custom") {
    const { name, description, format } = record(tool.custom);
    return { type: "custom", name: needText(name, `${path}.custom.name`), ...defined({ description: text(description), format: flatFormat(format) }) };
  }
  if (typeof tool.type !== "string") throw wrong(path, "must be a tool with a type");
  return { type: "opaque", protocol: protocolId, value };
}

/** `tools`, and the legacy `functions`. */
export const parseTools = (tools: readonly unknown[], functions: readonly unknown[]): Tool[] => [
  ...tools.map((tool, index) => parseTool(tool, `tools[${index}]`)),
  ...functions.map((tool, index) => parseFunction(tool, `functions[${index}]`)),
];

const nameIn = (value: unknown): unknown => record(record(value).function ?? record(value).custom).name;

/** `tool_choice`, or the legacy `function_call`. */
export function parseToolChoice(choice: unknown, legacy: unknown): ToolChoice | undefined {
  const given = choice ?? legacy;
  if (given === undefined || given === null) return undefined;
  if (given === "auto" || given === "none" || given === "required") return { type: given };
  if (given === "any") return { type: "required" };
  const { type, allowed_tools: allowed, name } = record(given);
  if (type === "allowed_tools") {
    const { mode, tools } = record(allowed);
    const names = (Array.isArray(tools) ? tools : []).map(nameIn).filter((one) => typeof one === "string");
    return { type: "allowed", mode: mode === "required" ? "required" : "auto", names };
  }
  const called = choice ? nameIn(given) : name;
  if (typeof called !== "string") throw wrong(choice ? "tool_choice" : "function_call", "must be auto, none, required, or name a tool");
  return { type: "tool", name: called };
}

/** `response_format`; undefined for one that only some provider knows. */
export function parseFormat(value: unknown): OutputFormat | undefined {
  const { type, json_schema: told } = record(value);
  if (type === "text") return { type: "text" };
  if (type === "json_object") return { type: "json" };
  if (type !== "json_schema") return undefined;
  const { name, description, schema, strict } = record(told);
  return { type: "json-schema", schema: object(schema) ?? {}, ...defined({ name: text(name), description: text(description) }), ...(strict === true && { strict }) };
}
