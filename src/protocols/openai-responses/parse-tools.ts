/** Reads a Responses request's tools. https://platform.openai.com/docs/api-reference/responses/create */
import { defined, type Tool, type ToolChoice } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { filled, protocolId, record, records, string, type Json } from "./words.ts";

/** A tool: a function, a custom one, or one that the provider runs itself. Throws `invalid_request`. */
export function parseTool(tool: Json, index: number): Tool {
  const { type, name, description, parameters, strict, format } = tool;
  if (type !== "function" && type !== "custom") return { type: "opaque", protocol: protocolId, value: tool };
  if (filled(name) === undefined) {
    const param = `tools[${index}].name`;
    throw new GatewayError("invalid_request", `${param}: must be a string`, { param });
  }
  if (type === "custom") return { type, name: name as string, ...defined({ description: string(description), format: format ?? undefined }) };
  const schema = typeof parameters === "object" && parameters !== null ? (parameters as Json) : undefined;
  return { type, name: name as string, ...defined({ description: string(description), parameters: schema, strict: typeof strict === "boolean" ? strict : undefined }) };
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
