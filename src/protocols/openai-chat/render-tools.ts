/** Writes tools and the choice among them. https://platform.openai.com/docs/api-reference/chat/create */
import type { ChatRequest, Loss, OutputFormat, Tool, ToolChoice } from "../../chat/index.ts";
import type { Dialect } from "../protocol.ts";
import { filled, record } from "../json.ts";
import { protocolId } from "./words.ts";

type Json = Record<string, unknown>;
type Lose = (loss: Loss) => void;

/** Functions without parameters take none; the field is left out only by those who mean an empty object. */
const noParameters = { type: "object", properties: {} };

/** Chat completions hold a grammar in an object of its own. */
function nestedFormat(format: unknown): unknown {
  const { type, ...grammar } = record(format);
  return type === "grammar" ? { type, grammar } : format;
}

/** Tools that who routes among providers runs itself. https://openrouter.ai/docs/features/server-tools */
export const isRouters = (tool: Tool): boolean => tool.type === "opaque" && filled(record(tool.value).type)?.startsWith("openrouter:") === true;

function renderTool(tool: Tool, { routerFields }: Dialect, lose: Lose): Json | undefined {
  if (tool.type === "opaque") return tool.protocol === protocolId && (routerFields || !isRouters(tool)) ? (tool.value as Json) : void lose("provider_tool");
  const { name, description } = tool;
  const about = { name, ...(description !== undefined && { description }) };
  if (tool.type === "function") {
    if (tool.cache) lose("cache_breakpoint");
    return { type: "function", function: { ...about, parameters: tool.parameters ?? noParameters, ...(tool.strict && { strict: true }) } };
  }
  return { type: "custom", custom: { ...about, ...(tool.format !== undefined && { format: nestedFormat(tool.format) }) } };
}

const reference = (name: string, tools: readonly Tool[]): Json => {
  const isCustom = tools.some((tool) => tool.type === "custom" && tool.name === name);
  return isCustom ? { type: "custom", custom: { name } } : { type: "function", function: { name } };
};

function renderChoice(choice: ToolChoice, tools: readonly Tool[], { developerRole }: Dialect): unknown {
  if (choice.type === "tool") return reference(choice.name, tools);
  if (choice.type !== "allowed") return choice.type;
  if (!developerRole) return choice.mode;
  return { type: "allowed_tools", allowed_tools: { mode: choice.mode, tools: choice.names.map((name) => reference(name, tools)) } };
}

/** `tools`, `tool_choice` and `parallel_tool_calls`. Where `allowed_tools` is unknown, only the allowed ones are sent: that says the same. */
export function renderTools({ tools: all, toolChoice, parallelTools }: ChatRequest, dialect: Dialect, lose: Lose): Json {
  const allowed = toolChoice?.type === "allowed" && !dialect.developerRole ? new Set(toolChoice.names) : undefined;
  const tools = allowed ? all.filter((tool) => tool.type !== "opaque" && allowed.has(tool.name)) : all;
  const written = tools.map((tool) => renderTool(tool, dialect, lose)).filter((tool) => tool !== undefined);
  if (written.length === 0) return {};
  return {
    tools: written,
    ...(toolChoice && { tool_choice: renderChoice(toolChoice, tools, dialect) }),
    ...(parallelTools === false && { parallel_tool_calls: false }),
  };
}

/** `response_format`. JSON mode stands in for a schema where that is unknown. */
export function renderFormat(output: OutputFormat | undefined, { jsonSchema }: Dialect, lose: Lose): Json {
  if (output === undefined || output.type === "text") return {};
  if (output.type === "json") return { response_format: { type: "json_object" } };
  if (!jsonSchema) {
    lose("output_schema");
    return { response_format: { type: "json_object" } };
  }
  const { name = "answer", description, schema, strict } = output;
  return { response_format: { type: "json_schema", json_schema: { name, ...(description !== undefined && { description }), schema, ...(strict && { strict }) } } };
}
