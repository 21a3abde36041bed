/** Reads input items as turns: what the model said in one go becomes one turn, tool results that follow each other another. */
import { defined, unseal, type OpaquePart, type Part, type ReasoningPart, type TextPart, type Tool, type ToolCallPart, type ToolResultPart, type Turn } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { parseContent, parseOutput } from "./parse-content.ts";
import { imageOf, thoughtsOf } from "./parse-response.ts";
import { parseTools } from "./parse-tools.ts";
import { filled, jsonText, protocolId, searchName, string, type Json } from "./words.ts";

type Role = Turn["role"];
const roles: readonly Role[] = ["system", "developer", "user", "assistant"];

/** Reads `input`. `at` names it in errors. Throws `invalid_request`. */
export function parseInput(input: string | readonly Json[], at = "input"): Turn[] {
  if (typeof input === "string") return [{ role: "user", parts: [{ type: "text", text: input }] }];
  const turns: Turn[] = [];
  const names = new Map<string, string>();
  let joins = false;
  input.forEach((item, index) => {
    const param = `${at}[${index}]`;
    const { role, parts, joinable } = readItem(item, param, names);
    const last = turns.at(-1);
    if (joins && joinable && last?.role === role) last.parts.push(...parts);
    else turns.push({ role, parts: [...parts] });
    joins = joinable;
  });
  return turns;
}

/** `joinable`: it is part of what was said or answered in one go, not a message of its own. */
type Read = { role: Role; parts: readonly Part[]; joinable: boolean };

function readItem(item: Json, param: string, names: Map<string, string>): Read {
  const type = filled(item.type) ?? "message";
  const read = readers[type];
  if (read) return read(item, param, names);
  return { role: isToolOutput(type) ? "tool" : "assistant", parts: [verbatim(item)], joinable: true };
}

/** What the client answers to a hosted tool's item: `local_shell_call_output`, `mcp_approval_response`… */
const isToolOutput = (type: string): boolean => type.endsWith("_output") || type === "mcp_approval_response";

const readers: Record<string, (item: Json, param: string, names: Map<string, string>) => Read> = {
  message: ({ role, content }, param) => {
    const known = roles.find((name) => name === role);
    if (known === undefined) throw invalid(`${param}.role`, "must be user, assistant, system or developer");
    return { role: known, parts: parseContent(content, `${param}.content`), joinable: known === "assistant" };
  },
  reasoning: (item) => ({ role: "assistant", parts: [readReasoning(item)], joinable: true }),
  // Without its bytes it is known only to whom has it.
  image_generation_call: (item) => ({ role: "assistant", parts: picturesIn(item), joinable: true }),
  function_call: (item, param, names) => said(readCall(item, jsonText(item.arguments), `${param}.arguments`, param, names)),
  custom_tool_call: (item, param, names) => said({ ...readCall(item, string(item.input), `${param}.input`, param, names), custom: true }),
  tool_search_call: (item, param, names) => {
    if (item.execution !== "client") return said(verbatim(item));
    return said({ ...readCall({ ...item, name: searchName }, jsonText(item.arguments), `${param}.arguments`, param, names), search: true });
  },
  function_call_output: (item, param, names) => readResult(item, param, names),
  custom_tool_call_output: (item, param, names) => readResult(item, param, names, true),
  tool_search_output: (item, param, names) => {
    if (item.execution !== "client") return { role: "tool", parts: [verbatim(item)], joinable: true };
    const { role, parts, joinable } = readResult({ ...item, output: "" }, param, names);
    const content = [bringing(item.tools, parseTools(item.tools, `${param}.tools`))];
    return { role, parts: parts.map((part) => ({ ...part, content }) as ToolResultPart), joinable };
  },
  additional_tools: (item, param) => ({ role: "developer", parts: [bringing(item, parseTools(item.tools, `${param}.tools`))], joinable: false }),
};

const verbatim = (item: unknown): OpaquePart => ({ type: "opaque", protocol: protocolId, value: item });
/** What a picture's part tells of its item. */
const told: ReadonlySet<string> = new Set(["type", "id", "status", "result", "output_format"]);
function picturesIn(item: Json): Part[] {
  const pictures = imageOf(item);
  if (pictures.length === 0) return [verbatim(item)];
  return pictures.map((picture) => (Object.keys(item).every((key) => told.has(key)) ? picture : { ...picture, raw: { protocol: protocolId, value: item } }));
}
const bringing = (value: unknown, tools: Tool[]): OpaquePart => ({ ...verbatim(value), tools });

const said = (part: Part): Read => ({ role: "assistant", parts: [part], joinable: true });

function readReasoning(item: Json): ReasoningPart {
  const { texts, summarised } = thoughtsOf(item);
  const id = filled(item.id);
  const sealed = filled(item.encrypted_content);
  if (sealed === undefined) return { type: "reasoning", texts, ...defined({ summarised, id }), origin: { protocol: protocolId } };
  return unseal(sealed, texts)?.part ?? { type: "reasoning", texts, ...defined({ summarised, id }), encrypted: sealed, origin: { protocol: protocolId } };
}

function readCall({ call_id, name, namespace }: Json, input: string | undefined, inputParam: string, param: string, names: Map<string, string>): ToolCallPart {
  if (filled(call_id) === undefined) throw invalid(`${param}.call_id`, "must be a string");
  if (filled(name) === undefined) throw invalid(`${param}.name`, "must be a string");
  if (input === undefined) throw invalid(inputParam, "must be a string");
  names.set(call_id as string, name as string);
  return { type: "tool-call", id: call_id as string, name: name as string, ...defined({ namespace: filled(namespace) }), input };
}

function readResult({ call_id, output }: Json, param: string, names: Map<string, string>, custom = false): Read {
  if (filled(call_id) === undefined) throw invalid(`${param}.call_id`, "must be a string");
  const name = names.get(call_id as string);
  const content: TextPart[] | ToolResultPart["content"] = parseOutput(output, `${param}.output`);
  const part: ToolResultPart = { type: "tool-result", id: call_id as string, ...defined({ name }), content, ...(custom && { custom: true as const }) };
  return { role: "tool", parts: [part], joinable: true };
}

const invalid = (param: string, reason: string): GatewayError => new GatewayError("invalid_request", `${param}: ${reason}`, { param });
