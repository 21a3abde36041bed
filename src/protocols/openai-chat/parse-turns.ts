/** Reads a client's messages into turns. https://platform.openai.com/docs/api-reference/chat/create */
import { unseal, type Part, type ReasoningPart, type ToolCallPart, type ToolResultPart, type Turn } from "../../chat/index.ts";
import { needText, parseContent, pictured, wrong } from "./parse-parts.ts";
import { parseAnnotation } from "./parse-extras.ts";
import { parseDetails, weave, type PlacedBlock } from "./reasoning.ts";
import { list, record } from "../json.ts";
import { protocolId } from "./words.ts";

type Json = Record<string, unknown>;

/** Names and ids of the calls so far: results name their call by id, legacy function messages by name. */
type Calls = { names: Map<string, string>; ids: Map<string, string>; legacy: number };


function parseReasoning(message: Json): PlacedBlock[] {
  const details = parseDetails(list(message.reasoning_details));
  if (details.length > 0) return details;
  const text = [message.reasoning_content, message.reasoning].find((value) => typeof value === "string" && value !== "");
  return text === undefined ? [] : [{ part: { type: "reasoning", texts: [text as string], origin: { protocol: protocolId } }, spot: { chars: 0, calls: 0 } }];
}

function parseCall(value: unknown, path: string, calls: Calls): (ReasoningPart | ToolCallPart)[] {
  const call = record(value);
  const custom = call.type === "custom";
  const told = record(custom ? call.custom : call.function);
  const kind = custom ? "custom" : "function";
  const name = needText(told.name, `${path}.${kind}.name`);
  const id = needText(call.id, `${path}.id`);
  const given = custom ? told.input : (told.arguments ?? "");
  const input = typeof given === "object" && given !== null ? JSON.stringify(given) : needText(given, `${path}.${kind}.${custom ? "input" : "arguments"}`);
  calls.names.set(id, name);
  const signature = record(record(call.extra_content).google).thought_signature;
  const part: ToolCallPart = { type: "tool-call", id, name, input: input === "" && !custom ? "{}" : input, ...(custom && { custom }) };
  if (typeof signature !== "string" || signature === "") return [part];
  return [unseal(signature, [])?.part ?? { type: "reasoning", texts: [], signature, origin: { protocol: protocolId } }, part];
}

function parseLegacyCall(value: unknown, path: string, calls: Calls): Part[] {
  if (value === undefined || value === null) return [];
  const { name: given, arguments: input } = record(value);
  const name = needText(given, `${path}.name`);
  const id = `call_function${calls.legacy}`;
  calls.legacy += 1;
  calls.names.set(id, name);
  calls.ids.set(name, id);
  return [{ type: "tool-call", id, name, input: typeof input === "string" && input !== "" ? input : "{}" }];
}

/** Mistral's thoughts stand in the content. */
function unwrap(part: Part): Part {
  const { type, thinking } = record(part.type === "opaque" ? part.value : undefined);
  if (type !== "thinking") return part;
  const texts = typeof thinking === "string" ? [thinking] : list(thinking).map((one) => record(one).text);
  return { type: "reasoning", texts: [texts.filter((text) => typeof text === "string").join("")], origin: { protocol: protocolId } };
}

function parseAssistant(message: Json, path: string, calls: Calls): Part[] {
  const content = parseContent(message.content, `${path}.content`);
  const citations = list(message.annotations).flatMap(parseAnnotation);
  const cited = content.find((part) => part.type === "text");
  if (cited && citations.length > 0) cited.citations = citations;
  const pictures = list(message.images).map((image, index) => pictured(record(image), `${path}.images[${index}]`));
  const { id: audioId, transcript } = record(message.audio);
  const refusal = typeof message.refusal === "string" && message.refusal !== "" ? message.refusal : undefined;
  const said: Part[] = [
    ...content.map(unwrap),
    ...(refusal === undefined ? [] : [{ type: "text", text: refusal, refusal: true } as const]),
    ...pictures,
    ...(typeof audioId === "string" ? [{ type: "file", kind: "audio", data: { fileId: audioId }, id: audioId, ...(typeof transcript === "string" && transcript !== "" && { transcript }) } as const] : []),
    ...list(message.tool_calls).flatMap((call, index) => parseCall(call, `${path}.tool_calls[${index}]`, calls)),
    ...parseLegacyCall(message.function_call, `${path}.function_call`, calls),
  ];
  return weave(said, parseReasoning(message), pictures);
}

function parseResult(message: Json, path: string, calls: Calls): ToolResultPart[] {
  const id = needText(message.tool_call_id, `${path}.tool_call_id`);
  const name = calls.names.get(id) ?? (typeof message.name === "string" ? message.name : undefined);
  return [{ type: "tool-result", id, ...(name !== undefined && { name }), content: parseContent(message.content, `${path}.content`) }];
}

function parseLegacyResult(message: Json, path: string, calls: Calls): ToolResultPart[] {
  const name = needText(message.name, `${path}.name`);
  return [{ type: "tool-result", id: calls.ids.get(name) ?? `call_function_${name}`, name, content: parseContent(message.content, `${path}.content`) }];
}

const plain = (message: Json, path: string): Part[] => parseContent(message.content, `${path}.content`);

type Read = (message: Json, path: string, calls: Calls) => Part[];
const roles: Readonly<Record<string, { role: Turn["role"]; read: Read }>> = {
  system: { role: "system", read: plain },
  developer: { role: "developer", read: plain },
  user: { role: "user", read: plain },
  assistant: { role: "assistant", read: parseAssistant },
  tool: { role: "tool", read: parseResult },
  function: { role: "tool", read: parseLegacyResult },
};

/** Reads `messages`. Throws `invalid_request` with the path of the field at fault. */
export function parseTurns(messages: readonly unknown[]): Turn[] {
  const calls: Calls = { names: new Map(), ids: new Map(), legacy: 0 };
  return messages.map((value, index) => {
    const path = `messages[${index}]`;
    const message = record(value);
    const known = typeof message.role === "string" && Object.hasOwn(roles, message.role) ? roles[message.role]! : undefined;
    if (!known) throw wrong(`${path}.role`, `must be one of ${Object.keys(roles).join(", ")}`);
    const { role, read } = known;
    const hasName = role !== "tool" && typeof message.name === "string" && message.name !== "";
    return { role, parts: read(message, path, calls), ...(hasName && { name: message.name as string }) };
  });
}
