/** Reads everything of a request that is not its messages: tools, thinking, the answer's form. */
import { efforts, type Effort, type OutputFormat, type ReasoningWish, type Tool, type ToolChoice } from "../../chat/index.ts";
import { wrong } from "./parse-blocks.ts";
import { cacheOf, isObject, protocol, record, words, type Json } from "./words.ts";

/** Reads the tools: the client's own as functions, the vendor's (which have a dated type) as they are. Throws `invalid_request`. */
export function parseTools(tools: unknown): Tool[] {
  if (tools === undefined || tools === null) return [];
  if (!Array.isArray(tools)) throw wrong("tools", "be an array");
  return tools.map((tool: unknown, i) => parseTool(tool, `tools[${i}]`));
}

function parseTool(tool: unknown, param: string): Tool {
  if (!isObject(tool)) throw wrong(param, "be an object");
  const { type, name, description, input_schema: parameters, strict } = tool;
  if (type !== undefined && type !== null && type !== "custom") return { type: "opaque", protocol, value: tool };
  if (words(name) === undefined) throw wrong(`${param}.name`, "be a string");
  if (!isObject(parameters)) throw wrong(`${param}.input_schema`, "be an object");
  return {
    type: "function",
    name: words(name)!,
    ...(typeof description === "string" && { description }),
    parameters,
    ...(typeof strict === "boolean" && { strict }),
    ...cacheOf(tool),
  };
}

const toolFields = ["type", "name", "description", "input_schema", "strict", "cache_control"];

/** What else is said of the client's own tools (`defer_loading`, `input_examples`), by their names: for `rest`, under that name. */
export function parseToolFields(tools: unknown): { tool_fields?: Json } {
  const own = Array.isArray(tools) ? tools.filter(isObject).filter(({ input_schema: parameters }) => isObject(parameters)) : [];
  const said = own.flatMap((tool) => {
    const fields = without(tool, ...toolFields);
    return fields ? [[tool.name, fields] as const] : [];
  });
  return said.length > 0 ? { tool_fields: Object.fromEntries(said) } : {};
}

const choices: Readonly<Record<string, ToolChoice>> = { auto: { type: "auto" }, any: { type: "required" }, none: { type: "none" } };

/** Reads `tool_choice`. Throws `invalid_request`. */
export function parseToolChoice(choice: unknown): { toolChoice?: ToolChoice; parallelTools?: boolean } {
  if (choice === undefined || choice === null) return {};
  const { type, name, disable_parallel_tool_use: single } = record(choice);
  const toolChoice = type === "tool" && words(name) !== undefined ? ({ type: "tool", name: words(name)! } as const) : choices[String(type)];
  if (toolChoice === undefined) throw wrong("tool_choice", "have a type of auto, any, tool (with a name) or none");
  return { toolChoice, ...(single === true && { parallelTools: false }) };
}

const shown: Readonly<Record<string, ReasoningWish["show"]>> = { summarized: "auto", omitted: "none" };
const isEffort = (value: unknown): value is Effort => efforts.includes(value as Effort);

/** Reads `thinking` and the effort of `output_config`. `rest`: a kind of thinking that is newer than we are. */
export function parseReasoning(thinking: unknown, effort: unknown): { reasoning?: ReasoningWish; rest?: { thinking: unknown } } {
  const { type, budget_tokens: budget, display } = record(thinking);
  const show = shown[String(display)];
  const wish: ReasoningWish = { ...(isEffort(effort) && { effort }), ...(show !== undefined && { show }) };
  if (type === "enabled" && typeof budget === "number") return { reasoning: { ...wish, budgetTokens: budget } };
  if (type === "adaptive") return { reasoning: { ...wish, adaptive: true } };
  if (type === "disabled") return { reasoning: { effort: "none" } };
  return { ...(isEffort(effort) && { reasoning: { effort } }), ...(isObject(thinking) && { rest: { thinking } }) };
}

/** Reads the answer's schema from `output_config.format`, or from `output_format` as it was called in beta. */
export function parseOutput(format: unknown): OutputFormat | undefined {
  const { type, schema } = record(format);
  return type === "json_schema" && isObject(schema) ? { type: "json-schema", schema } : undefined;
}

const tiers: Readonly<Record<string, string>> = { auto: "auto", standard_only: "default" };
/** A service tier in the words of most protocols. */
export const parseTier = (tier: unknown): string | undefined => tiers[String(tier)] ?? words(tier);

/** An object without some of its fields; undefined when nothing is left. */
export function without(value: unknown, ...fields: string[]): Json | undefined {
  const kept = Object.entries(record(value)).filter(([field, one]) => !fields.includes(field) && one !== null && one !== undefined);
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}
