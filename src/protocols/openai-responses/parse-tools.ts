/** Reads a Responses request's tools. https://platform.openai.com/docs/api-reference/responses/create */
import { defined, type Namespace, type Tool, type ToolChoice } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { filled, list, protocolId, record, records, searchName, string, type Json } from "./words.ts";

/** Tools, those in namespaces one by one. Throws `invalid_request`. */
export const parseTools = (tools: unknown, at: string): Tool[] => list(tools).flatMap((tool, index) => parseTool(record(tool), `${at}[${index}]`));

/** What the provider runs itself is read by nobody. */
function parseTool(tool: Json, at: string, namespace?: Namespace): Tool[] {
  const { type, description, tools, execution } = tool;
  if (type === "namespace" && namespace === undefined) {
    const own = { name: nameOf(tool, at), ...defined({ description: string(description) }) };
    return list(tools).flatMap((one, index) => parseTool(record(one), `${at}.tools[${index}]`, own));
  }
  if (type === "function") return [{ type, name: nameOf(tool, at), ...defined({ namespace }), ...parseFunction(tool) }];
  if (type === "custom") return [{ type, name: nameOf(tool, at), ...defined({ namespace, description: string(description), format: tool.format ?? undefined }) }];
  if (type === "tool_search" && execution === "client") return [{ type: "function", name: searchName, search: true, ...parseFunction(tool) }];
  return [{ type: "opaque", protocol: protocolId, value: namespace ? { type: "namespace", ...namespace, tools: [tool] } : tool }];
}

function nameOf({ name }: Json, at: string): string {
  if (filled(name) !== undefined) return name as string;
  const param = `${at}.name`;
  throw new GatewayError("invalid_request", `${param}: must be a string`, { param });
}

function parseFunction({ description, parameters, strict }: Json) {
  const schema = typeof parameters === "object" && parameters !== null ? (parameters as Json) : undefined;
  return defined({ description: string(description), parameters: schema, strict: typeof strict === "boolean" ? strict : undefined });
}

const modes = ["auto", "none", "required"] as const;

/** Which tool to call; undefined where it is one that the provider runs itself. Throws `invalid_request`. */
export function parseToolChoice(choice: unknown): ToolChoice | undefined {
  if (typeof choice === "string") {
    const type = modes.find((mode) => mode === choice);
    if (type === undefined) throw new GatewayError("invalid_request", "tool_choice: must be auto, none, required or an object", { param: "tool_choice" });
    return { type };
  }
  const { type, name, mode, tools } = record(choice);
  if ((type === "function" || type === "custom") && typeof name === "string") return { type: "tool", name };
  if (type !== "allowed_tools") return undefined;
  const names = records(tools).map((tool) => filled(tool.name));
  if (names.includes(undefined)) return undefined;
  return { type: "allowed", mode: mode === "required" ? "required" : "auto", names: names as string[] };
}
