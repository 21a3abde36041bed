/** Reads a whole Messages request as a conversation. https://docs.anthropic.com/en/api/messages */
import { defined, type ChatRequest, type Part, type Turn } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { unreadIn } from "../unread.ts";
import { messagesFields } from "./fields.ts";
import { parseContent, parseSystem, wrong } from "./parse-blocks.ts";
import { parseOutput, parseReasoning, parseTier, parseToolChoice, parseToolFields, parseTools, without } from "./parse-settings.ts";
import { isObject, protocol, record, words, type Json } from "./words.ts";

const roles: readonly unknown[] = ["user", "assistant", "system"];

/** Everything that has a name in the conversation. */
const known = [
  "model", "messages", "system", "max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "tools", "tool_choice", "thinking",
  "output_config", "output_format", "metadata", "service_tier",
];

/** Reads the request. Throws `invalid_request` with the field and the reason. */
export function parseConversation(body: unknown): ChatRequest {
  if (!isObject(body)) throw wrong("body", "be an object");
  const { model, messages, system, max_tokens: maxOutputTokens, output_config: config, output_format: format } = body;
  if (words(model) === undefined) throw wrong("model", "be a string");
  if (!Array.isArray(messages)) throw wrong("messages", "be an array of messages");
  if (record(body.thread).type === "continue") throw lostThread();
  const leading = system === undefined || system === null ? [] : [{ role: "system", parts: parseSystem(system, "system") } as const];
  const { reasoning, rest } = parseReasoning(body.thinking, record(config).effort);
  return {
    model: words(model)!,
    stream: body.stream === true,
    streamUsage: true,
    turns: named([...leading, ...messages.map(parseMessage)]),
    tools: parseTools(body.tools),
    ...parseToolChoice(body.tool_choice),
    ...defined({
      output: parseOutput(record(config).format ?? format),
      reasoning,
      maxOutputTokens: number(maxOutputTokens, "max_tokens"),
      temperature: number(body.temperature, "temperature"),
      topP: number(body.top_p, "top_p"),
      topK: number(body.top_k, "top_k"),
      stop: stops(body.stop_sequences),
      user: words(record(body.metadata).user_id),
      serviceTier: parseTier(body.service_tier),
    }),
    rest: { protocol, fields: { ...without(body, ...known), ...rest, ...leftOf(body), ...parseToolFields(body.tools) } },
    ...unreadIn(body, messagesFields),
  };
}

/** A thread lies at Anthropic and nowhere else. By this code its SDKs know that they must send the whole conversation again. */
const lostThread = (): GatewayError =>
  new GatewayError("thread_not_found", "thread: cannot be continued here, send the whole conversation", { param: "thread", shouldRetry: false });

/** Parts of known fields that have no name in the conversation. */
function leftOf({ output_config: config, metadata }: Json): Json {
  return defined({ output_config: without(config, "effort", "format"), metadata: without(metadata, "user_id") });
}

function parseMessage(message: unknown, i: number): Turn {
  const param = `messages[${i}]`;
  if (!isObject(message)) throw wrong(param, "be an object");
  if (!roles.includes(message.role)) throw wrong(`${param}.role`, "be user, assistant or system");
  return { role: message.role as Turn["role"], parts: parseContent(message.content, `${param}.content`) };
}

/** Gives every tool result the name of the tool that was called. */
function named(turns: readonly Turn[]): Turn[] {
  const names = new Map<string, string>();
  const name = (part: Part): Part => {
    if (part.type === "tool-call") names.set(part.id, part.name);
    const called = part.type === "tool-result" ? names.get(part.id) : undefined;
    return called === undefined ? part : { ...part, name: called } as Part;
  };
  return turns.map((turn) => ({ ...turn, parts: turn.parts.map(name) }));
}

function number(value: unknown, param: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number") throw wrong(param, "be a number");
  return value;
}

function stops(value: unknown): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string")) throw wrong("stop_sequences", "be an array of strings");
  return value.length > 0 ? value : undefined;
}
