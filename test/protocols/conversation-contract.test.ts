/** Every conversation protocol of the table keeps the laws of `conversation-contract.ts`; here stands what is documented of each one's ways. */
import fc from "fast-check";
import { noUsage, seal, textOf, type ChatEvent, type ChatRequest, type ChatResponse, type Choice, type FilePart, type Finish, type Part, type ReasoningPart, type Spot, type TextPart, type Tool, type ToolResultPart, type Turn, type Usage } from "../../src/chat/index.ts";
import type { GatewayError } from "../../src/errors.ts";
import { conversations } from "../../src/protocols/conversations.ts";
import { anthropicMessages, gemini, openaiChat, openaiResponses } from "../../src/protocols/index.ts";
import { objectIn } from "../../src/protocols/json.ts";
import { openai } from "../../src/providers/openai.ts";
import type { Dialect, StreamRenderer } from "../../src/protocols/protocol.ts";
import { thoughts } from "./arbitraries.ts";
import { testConversation, ungrouped, without, withParts, type Contract, type Form } from "./conversation-contract.ts";

type Json = Record<string, unknown>;
type Of<T extends Part["type"]> = Extract<Part, { type: T }>;

const vendor: Dialect = { maxTokensField: "max_completion_tokens", developerRole: true, reasoning: "effort", jsonSchema: true };
const halfOf = (id: string) => conversations.get(id)!;

/* Ways that several protocols have. */

const isOf = <T extends Part["type"]>(type: T) => (part: Part): part is Of<T> => part.type === type;
const isInstruction = ({ role }: Turn): boolean => role === "system" || role === "developer";
const isSigning = (part: Part | undefined): part is ReasoningPart => part?.type === "reasoning" && part.texts.length === 0 && part.signature !== undefined;
const withTurns = (request: ChatRequest, change: (turn: Turn) => Turn[]): ChatRequest => ({ ...request, turns: request.turns.flatMap(change).filter(({ parts }) => parts.length > 0) });
const withTools = (request: ChatRequest, change: (tool: Tool) => Tool): ChatRequest => ({ ...request, tools: request.tools.map(change) });
const isOwn = ({ rest }: ChatRequest, id: string): boolean => rest.protocol === id;

/** Texts that stand side by side as one. */
const glued = (parts: readonly TextPart[], gap: string): TextPart[] => (parts.length === 0 ? [] : [{ type: "text", text: parts.map(({ text }) => text).join(gap) }]);

/** What reading gives whoever wrote: origins without a provider, documents in plain text as text where there is no word for them. */
function read(request: ChatRequest, id: string, keepsDocuments = false): ChatRequest {
  const named = { ...request, rest: { ...request.rest, protocol: id } };
  return withParts(named, (part) => {
    if (part.type === "reasoning") return [{ ...part, origin: { protocol: part.origin.protocol } }];
    return part.type === "file" && "text" in part.data && !keepsDocuments ? [{ type: "text", text: part.data.text, ...(part.cache && { cache: part.cache }) }] : [part];
  });
}

/** Neighbours of one role as one turn. */
function joined(request: ChatRequest, joins: (role: Turn["role"]) => boolean = () => true): ChatRequest {
  const turns: Turn[] = [];
  for (const turn of request.turns) {
    const last = turns.at(-1);
    if (last?.role === turn.role && joins(turn.role)) last.parts.push(...turn.parts);
    else turns.push({ ...turn, parts: [...turn.parts] });
  }
  return { ...request, turns };
}

/** The system's and the developer's first words as one turn, its parts as `change` makes them. */
function withSystem(request: ChatRequest, change: (parts: Part[]) => Part[]): ChatRequest {
  const first = request.turns.findIndex((turn) => !isInstruction(turn));
  const parts = change(request.turns.slice(0, first).flatMap((turn) => turn.parts));
  return { ...request, turns: [...(parts.length > 0 ? [{ role: "system" as const, parts }] : []), ...request.turns.slice(first)] };
}

/** A choice among no tools says nothing. */
const choosing = (request: ChatRequest): ChatRequest => (request.tools.length > 0 ? request : without(request, "toolChoice", "parallelTools"));
/** An effort is told as a budget, and the other way round: what stays is that it shall think. */
function thinking(request: ChatRequest): ChatRequest {
  const { effort, budgetTokens, ...wish } = request.reasoning ?? {};
  if (effort === undefined && budgetTokens === undefined) return request;
  return { ...request, reasoning: { ...wish, effort: budgetTokens === 0 || (effort === "none" && budgetTokens === undefined) ? "none" : "medium" } };
}
const shown = (request: ChatRequest): ChatRequest => (request.reasoning?.show && request.reasoning.show !== "none" ? { ...request, reasoning: { ...request.reasoning, show: "auto" } } : request);
/** A wish that says nothing is none. */
function wishing(request: ChatRequest, ...unsaid: string[]): ChatRequest {
  const reasoning = without(request.reasoning ?? {}, ...unsaid);
  return Object.keys(reasoning).length > 0 ? { ...request, reasoning } : without(request, "reasoning");
}
/** For providers of whom nothing is read back: what says nothing there. */
const bounding = (request: ChatRequest): ChatRequest => pipe(
  choosing(withParts(ungrouped(request), (part) => [part.type === "tool-result" ? without(part, "custom") : part.type === "file" && part.cite === false ? without(part, "cite") : part])),
  (one) => (one.toolChoice?.type === "auto" ? without(one, "toolChoice") : one),
);
const pipe = <T>(value: T, ...steps: ((value: T) => T)[]): T => steps.reduce((one, step) => step(one), value);

/* Answers. */

/** Finishes are about the calls that are left. */
const settled = ({ parts, finish }: Choice): Choice => {
  const calls = parts.some(isOf("tool-call"));
  return { parts, finish: finish.unified === (calls ? "stop" : "tool-calls") ? { unified: calls ? "tool-calls" : "stop" } : finish };
};
const withChoices = (response: ChatResponse, change: (parts: Part[]) => Part[]): ChatResponse => ({ ...response, choices: response.choices.map((choice) => settled({ ...choice, parts: change(choice.parts) })) });
const first = (response: ChatResponse): ChatResponse => ({ ...response, choices: response.choices.slice(0, 1) });

/** Neighbours that a stream cannot tell apart: only the first of them. */
function parted(parts: readonly Part[], areOne: (a: Part, b: Part) => boolean): Part[] {
  const kept: Part[] = [];
  for (const part of parts) if (kept.length === 0 || !areOne(kept.at(-1)!, part)) kept.push(part);
  return kept;
}

const finished = ({ finish }: Choice, words: Partial<Record<Finish["unified"], string>>): Finish => ({ unified: finish.unified, raw: words[finish.unified]! });
const counting = (usage: Usage | undefined, ...untold: (keyof Usage)[]): { usage?: Usage } => (usage ? { usage: { ...usage, ...Object.fromEntries(untold.map((key) => [key, 0])) } } : {});

/* OpenAI's chat completions. */

const chat = "openai-chat";
const isSaid = (part: Part): part is TextPart => part.type === "text" && !part.refusal;
const isRefused = (part: Part): part is TextPart => part.type === "text" && part.refusal === true;

/** A message of the assistant: thoughts, one text, what only this protocol says, one refusal, calls with their signatures. */
function chatMessage(parts: readonly Part[], signsCalls: boolean): Part[] {
  const calls = parts.flatMap((part, at) => (part.type === "tool-call" ? (signsCalls && isSigning(parts[at - 1]) ? [parts[at - 1]!, part] : [part]) : []));
  const refused = glued(parts.filter(isRefused), "").map((part) => ({ ...part, refusal: true as const }));
  return [...parts.filter(isOf("reasoning")).filter((part) => !calls.includes(part)), ...glued(parts.filter(isSaid), ""), ...parts.filter(isOf("opaque")), ...refused, ...calls];
}

/** Files as chat completions name them. */
function chatFile(part: FilePart, own: boolean): FilePart {
  const name = part.filename ?? part.title ?? (own ? undefined : "document.pdf");
  const file = "base64" in part.data ? part : without(part, "mediaType");
  return file.kind === "document" ? { ...without(file, "title", "filename", "cite"), ...(name !== undefined && { filename: name }) } : file;
}

/** A provider without a place for its thoughts does not get them back: nothing is lost, because it would not read them. */
const chatThoughts = (parts: readonly Part[], { reasoningBack }: Dialect): Part[] =>
  parts.filter((part, at) => part.type !== "reasoning" || reasoningBack || part.origin.protocol !== chat || (isSigning(part) && parts[at + 1]?.type === "tool-call"));

/** OpenAI's breakpoints last as long as they do, and stand in content that is no answer's. */
function breaking(request: ChatRequest): ChatRequest {
  const marked = withParts(request, (part) => {
    if (!("cache" in part) || !part.cache) return [part];
    return [part.cache.ttl === "1h" || (part.type !== "text" && part.type !== "file") ? without(part, "cache") : { ...part, cache: {} }];
  });
  const turns = marked.turns.map((turn) => (turn.role === "assistant" ? { ...turn, parts: turn.parts.map((part) => without(part, "cache")) } : turn));
  return withTools({ ...marked, turns }, (tool) => (tool.type === "function" ? without(tool, "cache") : tool));
}
const isMarked = (part: Part): boolean => "cache" in part && part.cache !== undefined;

const chatNormal = (dialect: Dialect) => (request: ChatRequest): ChatRequest => {
  const own = isOwn(request, chat);
  const prompt = (parts: Part[]): Part[] => (!own && parts.every(isOf("text")) && !(dialect.breakpoints && parts.some(isMarked)) ? glued(parts, "\n\n") : parts);
  return pipe(
    choosing(read(ungrouped(request), chat)),
    (one) => (dialect.breakpoints ? breaking(one) : one),
    (one) => withParts(one, (part) => [part.type === "file" ? chatFile(part, own) : part]),
    (one) => withTurns(one, (turn) => {
      if (turn.role === "assistant") return [{ ...turn, parts: chatMessage(chatThoughts(turn.parts, dialect), dialect.reasoningBack !== "reasoning_details") }];
      const results = turn.parts.filter(isOf("tool-result")).map((part): Turn => ({ role: "tool", parts: [{ ...without(part, "custom"), content: prompt(part.content) as ToolResultPart["content"] }] }));
      return [...results, { ...turn, role: turn.role === "tool" ? "user" : turn.role, parts: prompt(turn.parts.filter((part) => part.type !== "tool-result")) }];
    }),
    (one) => ({ ...one, streamUsage: one.stream }),
    (one) => (dialect.reasoning === "object" ? (one.reasoning?.show === "auto" ? wishing(one, "show") : one) : wishing(one, "adaptive", ...(one.reasoning?.show === "none" ? ["show"] : []))),
    (one) => (one.output?.type === "json-schema" && !one.output.name ? { ...one, output: { ...one.output, name: "answer" } } : one),
  );
};

const chatFinishes = { stop: "stop", "tool-calls": "tool_calls", length: "length", "content-filter": "content_filter" };
const chatRank = (part: Part): number => (part.type === "reasoning" ? 0 : isSaid(part) ? 1 : isRefused(part) ? 2 : part.type === "file" && part.kind === "image" ? 3 : part.type === "tool-call" ? 5 : 6);

/**
 * One reasoning block: what ends one is its details, and a reader takes plain thoughts that go on behind them for the same block's.
 * A recording comes at the end. A message says one text and one refusal. A stream's citations come together behind its last words.
 */
function chatAnswer(parts: readonly Part[], form: Form): Part[] {
  const said = parts.filter((part) => part.type !== "opaque" && part.type !== "tool-result");
  const audio = said.find((part) => part.type === "file" && part.kind === "audio");
  const others = said.filter((part) => !(part.type === "file" && part.kind === "audio"));
  const thought = others.find((part) => part.type === "reasoning" && part.texts.length > 0);
  const kept = others.filter((part) => part.type !== "reasoning" || part.texts.length === 0 || part === thought);
  const one = (is: (part: Part) => boolean): Part[] => kept.filter(is).slice(0, 1);
  const told = form !== "stream"
    ? [...one((part) => part.type === "reasoning" && part.texts.length > 0), ...one(isSaid), ...one(isRefused), ...kept.filter((part) => chatRank(part) === 3), ...kept.filter((part, at) => part.type === "tool-call" || (isSigning(part) && kept[at + 1]?.type === "tool-call"))]
    : parted(kept, (a, b) => a.type === "text" && b.type === "text" && a.refusal === b.refusal);
  const citing = told.map((part, at) => (form === "whole" || at === told.length - 1 ? part : without(part, "citations")));
  return [...citing, ...(audio ? [without(audio, "mediaType")] : [])];
}

/** Citations count from the message's first character. */
function shifted(parts: readonly Part[]): Part[] {
  let offset = 0;
  return parts.map((part) => {
    if (!isSaid(part)) return part;
    const before = offset;
    offset += part.text.length;
    return part.citations ? { ...part, citations: part.citations.map((one) => ({ ...one, start: before + one.start!, end: before + one.end!, raw: { protocol: chat, value: { type: "url_citation", url_citation: { url: one.url, title: one.title, start_index: before + one.start!, end_index: before + one.end! } } } })) } : part;
  });
}

/** Where a block stands among what is said. */
function spotOf(parts: readonly Part[], block: Part): Spot | undefined {
  if (isSigning(block) && parts[parts.indexOf(block) + 1]?.type === "tool-call") return undefined;
  const before = parts.slice(0, parts.indexOf(block));
  return { chars: before.filter(isSaid).map(({ text }) => text).join("").length, calls: before.filter(isOf("tool-call")).length };
}

const chatSeen = ({ id = "chatcmpl-req_1", model = "model-1", createdAtS = 1_700_000_000, choices, usage, serviceTier }: ChatResponse): ChatResponse => ({
  id, model, createdAtS, ...(serviceTier && { serviceTier }), ...counting(usage, "cacheWrite1hTokens", "searches"),
  choices: choices.map((choice) => ({
    parts: shifted(choice.parts).map((part) => {
      if (part.type !== "reasoning") return part;
      const { signature, encrypted, origin } = part;
      const isPlain = origin.protocol === chat && signature === undefined && encrypted === undefined;
      const sealed = isPlain ? {} : { [encrypted === undefined ? "signature" : "encrypted"]: seal(part, spotOf(choice.parts, part)) };
      return { type: "reasoning", texts: part.texts, ...sealed, origin: { protocol: chat, provider: "here" } };
    }),
    finish: finished(choice, chatFinishes),
  })),
});

const chatContract = (dialect: Dialect): Contract => ({
  half: halfOf(chat), dialect,
  speech: {
    protocol: chat, thoughts: dialect.reasoningBack ? fc.oneof(thoughts.signed, thoughts.bare, thoughts.redacted) : fc.oneof(thoughts.signed, thoughts.bare), signsCalls: true,
    part: fc.constant({ type: "input_strange", strange: { a: 1 } }), tool: fc.constant({ type: "web_search", web_search: { depth: 2 } }),
    rest: fc.constantFrom<Json>({ store: true }, { prediction: { type: "content", content: "x" }, x_field: [1, null] }),
  },
  parseRequest: openaiChat.conversation!.parseRequest,
  server: openaiChat.conversation!,
  givenBack: ({ choices }) => ({ model: "m", messages: (choices as { message: Json }[]).map(({ message }) => message) }),
  cannot: ["uploaded_file", "citations", "tool_result_error", "provider_content", "reasoning", ...(dialect.breakpoints ? [] : (["cache_breakpoint"] as const)), ...(dialect.reasoning === "object" ? (["reasoning_budget"] as const) : (["reasoning_budget", "reasoning_display"] as const)), "document_metadata"],
  normal: chatNormal(dialect),
  answer: (response, form) => withChoices(response, (parts) => chatAnswer(parts, form)),
  seen: chatSeen,
  finishing: /"finish_reason":"/,
});

testConversation("openai-chat, with breakpoints", { ...chatContract({ ...vendor, breakpoints: openai.dialect!.breakpoints! }), model: "gpt-5.6" });
for (const [name, dialect] of Object.entries<Dialect>({ "openai-chat": vendor, "openai-chat, with details": { ...vendor, reasoning: "object", reasoningBack: "reasoning_details" } })) testConversation(name, chatContract(dialect));

/* Anthropic's Messages. */

const messages = "anthropic-messages";

/** Thoughts as one text; ciphertext beside words stands in the signature's place. */
function messagesThought({ texts, signature, encrypted, ...part }: ReasoningPart): ReasoningPart[] {
  const thought = texts.join("\n\n");
  if (thought === "" && signature === undefined) return encrypted === undefined ? [] : [{ ...part, texts: [], encrypted }];
  const vouched = signature ?? encrypted;
  return [{ ...without(part, "summarised", "id"), texts: thought === "" ? [] : [thought], ...(vouched !== undefined && { signature: vouched }) }];
}

/** A document's file name is its title; addresses and uploads have no type. */
function messagesFile(part: FilePart): FilePart {
  const title = part.title ?? part.filename;
  const file = "base64" in part.data || "text" in part.data ? part : without(part, "mediaType");
  return file.kind === "document" ? { ...without(file, "filename"), ...(title !== undefined && { title }) } : file;
}

/** Messages begins with the user, and has at least one turn. */
const begun = (own: boolean) => (request: ChatRequest): ChatRequest => {
  const at = request.turns.findIndex(({ role }) => role !== "system");
  if (at >= 0 && (request.turns[at]!.role === "user" || own)) return request;
  const [before, after] = [request.turns.slice(0, at < 0 ? undefined : at), at < 0 ? [] : request.turns.slice(at)];
  return { ...request, turns: [...before, { role: "user", parts: [{ type: "text", text: "." }] }, ...after] };
};

function messagesPart(part: Part, own: boolean): Part[] {
  if (part.type === "reasoning") return messagesThought(part);
  if (part.type === "file") return [messagesFile(part)];
  if (part.type === "tool-result") return [without(part, "custom")];
  return part.type === "text" && (own ? part.text : part.text.trim()) === "" ? [] : [part];
}

/** An answer to go on with does not end in white space. One of nothing else is left as an empty block, which the vendor refuses as it would the white space. */
function trimmed(request: ChatRequest): ChatRequest {
  const turn = request.turns.at(-1);
  const last = turn?.parts.at(-1);
  if (turn?.role !== "assistant" || last?.type !== "text") return request;
  const text = last.text.trimEnd();
  const parts = [...turn.parts.slice(0, -1), ...(text === "" ? [] : [{ ...last, text }])];
  const ended = { ...request, turns: [...request.turns.slice(0, -1), ...(parts.length > 0 ? [{ ...turn, parts }] : [])] };
  return text === "" ? trimmed(ended) : ended;
}

/** Thoughts that nobody asks for are not shown; of an effort alone its own clients do not say how. */
const messagesDisplay = (request: ChatRequest): ChatRequest => {
  const { effort, budgetTokens, adaptive } = request.reasoning ?? {};
  const thinks = effort !== undefined || budgetTokens !== undefined || adaptive;
  return !thinks || (isOwn(request, messages) && !adaptive && budgetTokens === undefined) ? wishing(request, "show") : request;
};

function messagesChoice(request: ChatRequest): ChatRequest {
  const { toolChoice: choice, parallelTools } = request;
  if (choice?.type === "none") return without(request, "parallelTools");
  if (choice?.type === "allowed") return { ...request, toolChoice: choice.mode === "required" && choice.names.length === 1 ? { type: "tool", name: choice.names[0]! } : { type: choice.mode } };
  return choice === undefined && parallelTools === false ? { ...request, toolChoice: { type: "auto" } } : request;
}

/** Without a bound there is the model's own; a schema has no name, and it is always kept to. */
const messagesNormal = (request: ChatRequest): ChatRequest => {
  const own = isOwn(request, messages);
  const resultsFirst = (parts: Part[]): Part[] => [...parts.filter(isOf("tool-result")), ...parts.filter((part) => part.type !== "tool-result")];
  return pipe(
    messagesDisplay(messagesChoice(choosing(ungrouped(request)))),
    (one) => read(one, messages, true),
    (one) => withParts(one, (part) => messagesPart(part, own)),
    (one) => withSystem(one, (parts) => parts),
    (one) => withTurns(one, (turn) => [{ ...turn, role: turn.role === "tool" ? "user" : turn.role }]),
    begun(own),
    (one) => joined(one),
    (one) => withTurns(one, (turn) => [turn.role === "user" ? { ...turn, parts: resultsFirst(turn.parts) } : turn]),
    trimmed,
    (one) => ({ ...one, maxOutputTokens: one.maxOutputTokens ?? 64_000 }),
    (one) => (one.output?.type === "json-schema" ? { ...one, output: without(one.output, "name", "description", "strict") } : one),
    thinking, shown,
  );
};

const messagesFinishes = { stop: "end_turn", "tool-calls": "tool_use", length: "max_tokens", "content-filter": "refusal" };

const messagesSeen = ({ id = "msg_1", model = "model-1", choices, usage = noUsage, serviceTier }: ChatResponse): ChatResponse => ({
  id, model, ...(serviceTier && { serviceTier }), ...counting(usage, "inputAudioTokens", "outputAudioTokens"),
  choices: choices.map(({ parts, finish }) => ({
    parts: parts.map((part) => {
      if (part.type !== "reasoning") return part;
      const { texts, signature } = part;
      const secret = texts.length === 0 && signature === undefined ? "encrypted" : "signature";
      return { type: "reasoning", texts, [secret]: seal(part), origin: { protocol: messages, provider: "here" } };
    }),
    finish: finish.stopSequence === undefined ? finished({ parts, finish }, messagesFinishes) : { unified: "stop", raw: "stop_sequence", stopSequence: finish.stopSequence },
  })),
});

/** A block in which `cache_control` stands deeper than ours. */
const messagesBlock = fc.record({ id: fc.constant("srvtoolu_1"), input: fc.constant({ query: "x" }), content: fc.constantFrom<Json[]>([], [{ type: "text", text: "x", cache_control: { type: "ephemeral" } }]) })
  .map((block): Json => ({ type: "server_tool_use", name: "web_search", ...block }));

testConversation("anthropic-messages", {
  half: halfOf(messages), dialect: {},
  speech: {
    protocol: messages, thoughts: fc.oneof(thoughts.signed, thoughts.bare, thoughts.redacted), part: messagesBlock, tool: fc.constant({ type: "web_search_20250305", name: "web_search" }),
    rest: fc.constantFrom<Json>({ container: "c1" }, { mcp_servers: [{ name: "x" }], context_management: { edits: [] } }),
  },
  parseRequest: anthropicMessages.conversation!.parseRequest,
  server: anthropicMessages.conversation!,
  givenBack: ({ role, content }) => ({ model: "m", messages: [{ role, content }] }),
  cannot: [
    "developer_role", "message_name", "image_detail", "audio", "video", "custom_tool", "provider_content", "reasoning", "citations", "refusal", "output_format", "tool_choice", "cache_breakpoint", "cache_key",
    "temperature", "top_p", "top_k", "min_p", "stop", "seed", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "choices", "verbosity", "modalities", "service_tier", "user", "metadata",
    "reasoning_effort", "reasoning_display", "provider_tool",
  ],
  normal: messagesNormal,
  answer: (response) => withChoices(first(response), (parts) => parts.flatMap((part): Part[] => {
    if (part.type === "file" || (part.type === "opaque" && part.protocol !== messages)) return [];
    if (part.type === "text") return [without(part, "refusal", "citations", "logprobs")];
    return part.type === "tool-call" && part.custom ? [] : [part];
  })),
  seen: messagesSeen,
  finishing: /"stop_reason":"/,
});

/* OpenAI's Responses. */

const items = "openai-responses";

/** Results and messages take turns; what is said in one go is one turn. */
const responsesTurns = (turn: Turn): Turn[] => {
  if (turn.role === "assistant") return [turn];
  const runs: Turn[] = [];
  for (const part of turn.parts) {
    const role = part.type === "tool-result" ? "tool" : turn.role === "tool" ? "user" : turn.role;
    if (runs.at(-1)?.role === role) runs.at(-1)!.parts.push(part);
    else runs.push({ ...turn, role, parts: [part] });
  }
  return runs;
};

/** Addresses and uploads have no type; bytes have a name. */
function responsesFile(part: FilePart): FilePart {
  if (!("base64" in part.data)) return without(part, "mediaType", "cite");
  return part.kind === "document" ? { ...without(part, "title", "cite"), filename: part.filename ?? part.title ?? "document.pdf" } : part;
}

/** Tools of one namespace stand together. */
function grouped(tools: readonly Tool[]): Tool[] {
  const groupOf = (tool: Tool): string => (tool.type === "opaque" || !tool.namespace ? "" : tool.namespace.name);
  return tools.flatMap((tool, at) => (groupOf(tool) === "" ? [tool] : tools.findIndex((one) => groupOf(one) === groupOf(tool)) === at ? tools.filter((one) => groupOf(one) === groupOf(tool)) : []));
}

const responsesNormal = (request: ChatRequest): ChatRequest => pipe(
  choosing(read(request, items)),
  (one) => ({ ...one, tools: grouped(one.tools) }),
  (one) => withParts(one, (part) => [part.type === "file" ? responsesFile(part) : part]),
  (one) => {
    const leading = one.turns.findIndex(({ role }) => role !== "system");
    if (one.turns.slice(0, leading).some(({ parts }) => parts.some(isMarked))) return one;
    const instructions = glued(one.turns.slice(0, leading).flatMap(({ parts }) => parts as TextPart[]), "\n\n");
    return { ...one, turns: [...(instructions.length > 0 ? [{ role: "system" as const, parts: instructions }] : []), ...one.turns.slice(leading)] };
  },
  (one) => withTurns(one, responsesTurns),
  (one) => joined(one, (role) => role === "assistant" || role === "tool"),
  (one) => withTools(one, (tool) => (tool.type === "function" ? { ...tool, strict: tool.strict ?? false } : tool)),
  (one) => wishing(one, "adaptive", ...(one.reasoning?.show === "none" ? ["show"] : [])),
  (one) => (one.output?.type === "json-schema" && !one.output.name ? { ...one, output: { ...one.output, name: "answer" } } : one),
);

const responsesFinishes = { stop: "completed", "tool-calls": "completed", length: "max_output_tokens", "content-filter": "content_filter" };

const searchesIn = (choices: readonly Choice[]): number =>
  choices.flatMap(({ parts }) => parts).filter((part) => part.type === "opaque" && part.protocol === items && (part.value as Json).type === "web_search_call").length;

/** Thoughts go as summaries with ids of ours, but for its own; so do the ids of pictures. */
const responsesSeen = ({ model = "model-1", createdAtS = 1_700_000_000, choices, usage, serviceTier = "default" }: ChatResponse): ChatResponse => ({
  id: "resp_1", model, createdAtS, serviceTier,
  ...counting(usage && { ...usage, searches: searchesIn(choices) }, "cacheWrite1hTokens", "inputAudioTokens", "outputAudioTokens"),
  choices: choices.map((choice) => {
    let at = -1;
    return {
      parts: choice.parts.map((part, index, parts): Part => {
        if (part.type !== "text" || parts[index - 1]?.type !== "text") at += 1;
        if (part.type === "text" && part.citations) return { ...part, citations: part.citations.map(({ url, title, start, end }) => ({ url, title, start, end, raw: { protocol: items, value: { type: "url_citation", url, title, start_index: start, end_index: end } } })) };
        if (part.type === "file") return { ...part, id: `ig_1_${at}` };
        if (part.type !== "reasoning") return part;
        const { texts, id, origin } = part;
        return { type: "reasoning", texts, id: origin.protocol === items && id !== undefined ? id : `rs_1_${at}`, encrypted: seal(part), origin: { protocol: items, provider: "here" }, ...(texts.length > 0 && { summarised: true }) };
      }),
      finish: finished(choice, responsesFinishes),
    };
  }),
});

const responsesContract = (dialect: Dialect): Contract => ({
  half: halfOf(items), dialect,
  speech: {
    protocol: items, groups: true, thoughts: fc.oneof(thoughts.summary, thoughts.open), part: fc.constantFrom<Json>({ type: "web_search_call", id: "ws_1", status: "completed", action: { query: "x" } }, { type: "strange_call", big: JSON.rawJSON("12345678901234567890") }),
    tool: fc.constant({ type: "web_search", filters: null }), rest: fc.constantFrom<Json>({ truncation: "auto" }, { prompt_cache_retention: "24h", max_tool_calls: 3 }),
  },
  parseRequest: openaiResponses.conversation!.parseRequest,
  server: openaiResponses.conversation!,
  givenBack: ({ output }) => ({ model: "m", input: output }),
  cannot: [
    "message_name", "audio", "video", "document_metadata", "tool_result_error", "provider_content", "reasoning_budget", "reasoning", "citations", ...(dialect.breakpoints ? [] : (["cache_breakpoint"] as const)), "top_k", "min_p", "stop", "seed", "frequency_penalty",
    "presence_penalty", "logit_bias", "choices", "modalities", "provider_tool",
  ],
  normal: dialect.breakpoints ? (request) => responsesNormal(breaking(request)) : responsesNormal,
  answer: (response) => withChoices(first(response), (parts) => parts.flatMap((part): Part[] => {
    if (part.type === "file") return part.kind === "image" ? [part] : [];
    if (part.type === "text" && part.refusal) return [without(part, "logprobs")];
    return part.type === "opaque" && part.protocol !== items ? [] : [part];
  })),
  seen: responsesSeen,
  finishing: /"type":"response\.(?:completed|incomplete|failed)"/,
});

testConversation("openai-responses", responsesContract({}));
testConversation("openai-responses, with breakpoints", { ...responsesContract({ breakpoints: openai.dialect!.breakpoints! }), model: "gpt-5.6" });

/* Gemini. */

const generate = "gemini-generate";

/** A result is one text, which is an object where it can be. */
function geminiResult({ content, ...result }: ToolResultPart): ToolResultPart {
  const said = content.flatMap((part) => (part.type === "text" ? part.text : [])).join("\n\n");
  const text = said.replace(/^[ \t\r\n]*(\{.*\})[ \t\r\n]*$/s, (whole, json: string) => (objectIn(json) ? json : whole));
  const cache = content.find((part) => part.type === "text" && part.cache)?.cache;
  return { ...without(result, "custom"), content: [{ type: "text", text, ...(cache && { cache }) }, ...content.filter(isOf("file"))] };
}

function geminiPart(part: Part): Part[] {
  if (part.type === "text") return part.text === "" ? [] : [part];
  if (part.type === "tool-result") return [geminiResult(part)];
  if (part.type !== "reasoning") return [part.type === "file" ? without(part, "cite") : part];
  const { texts, signature, origin } = part;
  const text = texts.join("\n\n");
  return text === "" && signature === undefined ? [] : [{ type: "reasoning", texts: text === "" ? [] : [text], origin, ...(signature !== undefined && { signature }) }];
}

/** What the model says in pieces is one text, and so are its thoughts up to their signature. */
const gluePieces = (parts: readonly Part[]): Part[] => {
  const whole: Part[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    if (part.type === "text" && last?.type === "text") Object.assign(last, { text: last.text + part.text });
    else if (part.type === "reasoning" && last?.type === "reasoning" && part.texts.length + last.texts.length === 2 && last.signature === undefined) whole.splice(-1, 1, { ...part, texts: [last.texts[0]! + part.texts[0]!] });
    else whole.push({ ...part });
  }
  return whole;
};

const geminiNormal = (isThree: boolean) => (request: ChatRequest): ChatRequest => pipe(
  read(ungrouped(request), generate),
  (one) => withParts(one, geminiPart),
  (one) => withSystem(one, (parts) => parts),
  (one) => withTurns(one, (turn) => [{ ...turn, role: turn.role === "tool" ? "user" : turn.role }]),
  (one) => joined(one),
  (one) => withTurns(one, (turn) => [turn.role === "assistant" ? { ...turn, parts: gluePieces(turn.parts) } : turn]),
  (one) => withTools({ ...one, tools: one.tools.toSorted((a, b) => Number(a.type === "opaque") - Number(b.type === "opaque")) }, (tool) => (tool.type === "function" ? { ...tool, description: tool.description ?? "" } : tool)),
  (one) => (one.toolChoice?.type === "allowed" && one.toolChoice.mode === "required" && one.toolChoice.names.length === 1 ? { ...one, toolChoice: { type: "tool", name: one.toolChoice.names[0]! } } : one),
  (one) => (one.output?.type === "json-schema" ? { ...one, output: without(one.output, "name", "description") } : one),
  thinking, shown,
  (one) => wishing(one, ...(isThree ? ["adaptive"] : [])),
);

const geminiFinishes = { stop: "STOP", "tool-calls": "STOP", length: "MAX_TOKENS", "content-filter": "SAFETY" };

/** What is cited and measured is told of a whole answer: of which text it is can be told of one that ends with its only one. */
function geminiText(part: TextPart, isTold: boolean): TextPart {
  const { citations, ...bare } = part;
  if (!isTold) return without(bare, "logprobs");
  if (!citations || /[\ud800-\udfff]/.test(part.text)) return bare;
  const within = (at: number | undefined): number => Math.min(at ?? 0, part.text.length);
  return { ...bare, citations: citations.map((one) => ({ ...one, start: within(one.start), end: within(Math.max(one.end ?? 0, one.start ?? 0)) })) };
}

const geminiToken = ({ token, logprob }: { token: string; logprob: number }) => ({ token, logprob });
/** Sources have an address and one title, tokens no bytes. */
function geminiTold(part: TextPart): TextPart {
  const { citations, logprobs } = part;
  const titleOf = (url: string | undefined) => citations!.find((one) => one.url === url)!.title;
  return {
    ...part,
    ...(citations && { citations: citations.map(({ url, start, end }) => ({ url: url!, title: titleOf(url)!, start: start!, end: end!, raw: { protocol: generate, value: { uri: url, title: titleOf(url) } } })) }),
    ...(logprobs && { logprobs: logprobs.map((one) => ({ ...geminiToken(one), top: (one.top ?? []).map(geminiToken) })) }),
  };
}

const geminiSeen = ({ id = "req_1", model = "model-1", choices, usage }: ChatResponse): ChatResponse => ({
  id, model, ...counting(usage, "cacheWriteTokens", "cacheWrite1hTokens", "searches"),
  choices: choices.map((choice) => ({
    parts: choice.parts.map((part) => (part.type === "reasoning" ? { ...part, origin: { protocol: generate, provider: "here" }, ...(part.signature !== undefined && { signature: btoa(seal(part)) }) } : part.type === "text" ? geminiTold(part) : part)),
    finish: finished(choice, geminiFinishes),
  })),
});

const geminiContract = (model: string): Contract => ({
  half: halfOf(generate), dialect: {}, model,
  speech: {
    protocol: generate, thoughts: fc.oneof(thoughts.signed, thoughts.bare), signsCalls: true, part: fc.constantFrom<Json>({ executableCode: { language: "PYTHON", code: "1" } }, { codeExecutionResult: { outcome: "OUTCOME_OK" } }),
    tool: fc.constant({ googleSearch: {} }), rest: fc.constantFrom<Json>({ safetySettings: [{ category: "X" }] }, { cachedContent: "c", generationConfig: { speechConfig: { a: 1 } } }),
  },
  parseRequest: (body, { model: name, stream }) => gemini(name, stream ? "streamGenerateContent" : "generateContent", true)!.conversation!.parseRequest(body),
  server: gemini("model-1", "streamGenerateContent", true)!.conversation!,
  givenBack: ({ candidates }) => ({ contents: (candidates as { content: Json }[]).map(({ content }) => content) }),
  cannot: [
    "developer_role", "system_position", "message_name", "image_detail", "document_metadata", "uploaded_file", "tool_result_media", "custom_tool", "tool_strict", "parallel_tools", "output_strict", "provider_content", "provider_tool", "reasoning", "citations", "refusal",
    "cache_breakpoint", "cache_key", "min_p", "logit_bias", "stop", "verbosity", "service_tier", "user", "metadata", "modalities", "reasoning_effort",
  ],
  normal: geminiNormal(model.includes("gemini-3")),
  answer: (response) => withChoices(response, (parts) => parted(parts.flatMap((part): Part[] => {
    if (part.type === "file") return part.kind === "image" ? [part] : [];
    if (part.type === "text") return [without(part, "refusal")];
    if (part.type === "tool-call" && part.custom) return [];
    return part.type === "opaque" && part.protocol !== generate ? [] : [part];
  }), (a, b) => (a.type === "text" || a.type === "reasoning") && a.type === b.type).map((part, at, all) => (part.type === "text" ? geminiText(part, at === all.length - 1 && all.filter(isOf("text")).length === 1) : part))),
  seen: geminiSeen,
  finishing: /"finishReason":"/,
});

testConversation("gemini-generate", geminiContract("gemini-2.5"));
testConversation("gemini-generate, third generation", geminiContract("gemini-3-pro"));

/* Providers that nobody speaks like to us: in the place of a client half stands a provider of few words. */

const frame = (type: string, data: Json): string => `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
const wired = (json: string): unknown => (JSON.parse as (text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown) => unknown)(json, (_, value, { source }) =>
  typeof value === "number" && source !== undefined && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? JSON.rawJSON(source) : value);

/** Texts, thoughts and calls of the first choice. */
const spoken = (response: ChatResponse): ChatResponse => withChoices(first(response), (parts) => parts.flatMap((part): Part[] => {
  if (part.type === "text") return [without(part, "refusal", "logprobs")];
  return part.type === "reasoning" || (part.type === "tool-call" && !part.custom) ? [part] : [];
}));
const from = (protocol: string) => (part: Part): Part => (part.type === "reasoning" ? { ...part, origin: { protocol, provider: "here" } } : part);
const citing = (part: Part, change: (citation: NonNullable<TextPart["citations"]>[number]) => NonNullable<TextPart["citations"]>[number]): Part => (part.type === "text" && part.citations ? { ...part, citations: part.citations.map(change) } : part);

/* Bedrock's Converse. */

const converse = "bedrock-converse";
const converseFinishes = { stop: "end_turn", "tool-calls": "tool_use", length: "max_tokens", "content-filter": "content_filtered" };
const converseCitation = ({ url, title }: { url?: string; title?: string }): Json => ({ title, location: { web: { url } } });
const converseTail = (usage: Usage, serviceTier: string | undefined): Json => ({
  usage: { inputTokens: usage.inputTokens - usage.cachedTokens - usage.cacheWriteTokens, cacheReadInputTokens: usage.cachedTokens, cacheWriteInputTokens: usage.cacheWriteTokens, outputTokens: usage.outputTokens },
  ...(serviceTier !== undefined && { serviceTier: { type: serviceTier } }),
});

/** Writes a stream of Converse. An input of nothing is not said. */
class ConverseWriter implements StreamRenderer {
  private inputs: string[] = [];

  push(event: ChatEvent): string {
    if (event.type === "start") return frame("messageStart", { role: "assistant" });
    if (event.type === "finish") return frame("messageStop", { stopReason: converseFinishes[event.finish.unified as "stop"] });
    if (event.type === "usage") return frame("metadata", converseTail(event.usage, event.serviceTier));
    return "choice" in event && event.choice === 0 ? this.block(event) : "";
  }

  end(): string {
    return "";
  }

  fail({ message }: GatewayError): string {
    return frame("internalServerException", { message });
  }

  private block(event: Extract<ChatEvent, { at: number }>): string {
    const contentBlockIndex = event.at;
    const delta = (said: Json): string => frame("contentBlockDelta", { contentBlockIndex, delta: said });
    const stop = frame("contentBlockStop", { contentBlockIndex });
    if (event.type === "text-delta") return delta({ text: event.text });
    if (event.type === "text-citation") return delta({ citation: converseCitation(event.citation) });
    if (event.type === "reasoning-delta") return delta({ reasoningContent: { text: event.text } });
    if (event.type === "reasoning-end") return (event.signature ? delta({ reasoningContent: { signature: event.signature } }) : "") + (event.encrypted ? delta({ reasoningContent: { redactedContent: event.encrypted } }) : "") + stop;
    if (event.type === "tool-call-start") return frame("contentBlockStart", { contentBlockIndex, start: { toolUse: { toolUseId: event.id, name: event.name } } });
    if (event.type === "tool-call-delta") this.inputs.push(event.input);
    if (event.type === "tool-call-end") return (this.inputs.join("") === "{}" ? "" : this.inputs.map((input) => delta({ toolUse: { input } })).join("")) + this.after(stop);
    return event.type === "text-end" ? stop : "";
  }

  private after(stop: string): string {
    this.inputs = [];
    return stop;
  }
}

function converseBlock(part: Part): Json[] {
  if (part.type === "text") return [part.citations ? { citationsContent: { content: [{ text: part.text }], citations: part.citations.map(converseCitation) } } : { text: part.text }];
  if (part.type === "tool-call") return [{ toolUse: { toolUseId: part.id, name: part.name, input: part.custom ? {} : wired(part.input) } }];
  if (part.type !== "reasoning") return [];
  return [{ reasoningContent: part.encrypted === undefined ? { reasoningText: { text: textOf(part), signature: part.signature } } : { redactedContent: part.encrypted } }];
}

/** Who is not asked to think does not, and who does has a temperature of 1. What none of may be called is not sent. */
const converseNormal = (request: ChatRequest): ChatRequest => pipe(
  bounding(request),
  (one) => (one.reasoning?.effort === "none" && one.reasoning.budgetTokens === undefined ? wishing(one, "effort") : one),
  // A schema is always enforced.
  (one) => (one.output?.type === "json-schema" ? { ...one, output: without(one.output, "strict") } : one),
  (one) => (one.reasoning && one.temperature === 1 ? without(one, "temperature") : one),
  (one) => (one.toolChoice?.type === "none" && !one.turns.some(({ parts }) => parts.some(({ type }) => type === "tool-call" || type === "tool-result")) ? choosing({ ...one, tools: [] }) : one),
);

testConversation("bedrock-converse", {
  half: halfOf(converse), dialect: {}, model: "anthropic.claude",
  speech: { protocol: converse, thoughts: fc.oneof(thoughts.signed, thoughts.bare, thoughts.redacted) },
  server: {
    renderStream: () => new ConverseWriter(),
    renderResponse: ({ choices: [choice], usage, serviceTier }) => ({
      body: JSON.stringify({ output: { message: { role: "assistant", content: choice!.parts.flatMap(converseBlock) } }, stopReason: converseFinishes[choice!.finish.unified as "stop"], ...(usage && converseTail(usage, serviceTier)) }),
      losses: [],
    }),
  },
  cannot: [], normal: converseNormal,
  answer: spoken,
  seen: ({ choices, usage, serviceTier }) => ({
    ...counting(usage, "cacheWrite1hTokens", "searches", "reasoningTokens", "inputAudioTokens", "outputAudioTokens"), ...(usage && serviceTier !== undefined && { serviceTier }),
    choices: choices.map((choice) => ({ parts: choice.parts.map(from(converse)).map((part) => citing(part, ({ url, title }) => ({ url, title, raw: { protocol: converse, value: converseCitation({ url, title }) } }))), finish: finished(choice, converseFinishes) })),
  }),
  finishing: /^messageStop/,
});

/* Cohere's chat. */

const cohere = "cohere-chat";
const cohereFinishes = { stop: "COMPLETE", "tool-calls": "TOOL_CALL", length: "MAX_TOKENS", "content-filter": "ERROR_TOXIC" };
const cohereCitation = ({ url, title, start, end }: NonNullable<TextPart["citations"]>[number]): Json => ({ start, end, sources: [{ type: "document", document: { url, title } }] });
const cohereUsage = (usage: Usage | undefined): Json => (usage ? { usage: { billed_units: { input_tokens: 1 }, tokens: { input_tokens: usage.inputTokens, output_tokens: usage.outputTokens }, cached_tokens: usage.cachedTokens } } : {});

/** Writes a stream of Cohere's; citations stand behind the end of their text. An input of nothing is not said. */
class CohereWriter implements StreamRenderer {
  private citations: Json[] = [];
  private inputs: string[] = [];
  private last: Json = {};

  push(event: ChatEvent): string {
    if (event.type === "start") return this.say("message-start", undefined, { ...(event.id && { id: event.id }), delta: { message: { role: "assistant" } } });
    if (event.type === "usage") Object.assign(this.last, cohereUsage(event.usage));
    if (!("choice" in event) || event.choice !== 0) return "";
    if (event.type === "finish") this.last.finish_reason = cohereFinishes[event.finish.unified as "stop"];
    return "at" in event ? this.part(event) : "";
  }

  end(): string {
    return this.say("message-end", undefined, { delta: this.last });
  }

  fail({ message }: GatewayError): string {
    return this.say("message-end", undefined, { delta: { finish_reason: "ERROR", error: message } });
  }

  private part(event: Extract<ChatEvent, { at: number }>): string {
    const { at } = event;
    const content = (type: string, said: Json): string => this.say(type, at, { delta: { message: { content: said } } });
    const call = (type: string, said: Json): string => this.say(type, at, { delta: { message: { tool_calls: said } } });
    if (event.type === "text-start") return content("content-start", { type: "text", text: "" });
    if (event.type === "text-delta") return content("content-delta", { text: event.text });
    if (event.type === "text-citation") this.citations.push(cohereCitation(event.citation));
    if (event.type === "text-end") return this.say("content-end", at, {}) + this.citations.splice(0).map((citations) => this.say("citation-start", at, { delta: { message: { citations } } }) + this.say("citation-end", at, {})).join("");
    if (event.type === "reasoning-start") return content("content-start", { type: "thinking", thinking: "" });
    if (event.type === "reasoning-delta") return content("content-delta", { thinking: event.text });
    if (event.type === "reasoning-end") return this.say("content-end", at, {});
    if (event.type === "tool-call-start") return call("tool-call-start", { id: event.id, type: "function", function: { name: event.name } });
    if (event.type === "tool-call-delta") this.inputs.push(event.input);
    if (event.type !== "tool-call-end") return "";
    const inputs = this.inputs.splice(0);
    return (inputs.join("") === "{}" ? "" : inputs.map((input) => call("tool-call-delta", { function: { arguments: input } })).join("")) + this.say("tool-call-end", at, {});
  }

  private say(type: string, index: number | undefined, fields: Json): string {
    return frame(type, { type, ...(index !== undefined && { index }), ...fields });
  }
}

/** A whole answer has its content first, then its citations, which are the last text's, then its calls. */
function cohereAnswer(parts: readonly Part[], form: Form): Part[] {
  if (form === "stream") return [...parts];
  const content = parts.filter((part) => part.type !== "tool-call");
  return [...content.map((part, at) => (at === content.length - 1 ? part : without(part, "citations"))), ...parts.filter(isOf("tool-call"))];
}

testConversation("cohere-chat", {
  half: halfOf(cohere), dialect: {},
  speech: { protocol: cohere, thoughts: thoughts.bare },
  server: {
    renderStream: () => new CohereWriter(),
    renderResponse: ({ id, choices: [choice], usage }) => {
      const { parts, finish } = choice!;
      const content = parts.flatMap((part): Json[] => (part.type === "text" ? [{ type: "text", text: part.text }] : part.type === "reasoning" ? [{ type: "thinking", thinking: textOf(part) }] : []));
      const citations = parts.flatMap((part) => (part.type === "text" && part.citations ? part.citations.map(cohereCitation) : []));
      const calls = parts.filter(isOf("tool-call")).map((part) => ({ id: part.id, type: "function", function: { name: part.name, arguments: part.input } }));
      return { body: JSON.stringify({ id, finish_reason: cohereFinishes[finish.unified as "stop"], message: { role: "assistant", content, citations, tool_calls: calls }, ...cohereUsage(usage) }), losses: [] };
    },
  },
  cannot: [], normal: bounding,
  answer: (response, form) => withChoices(spoken(response), (parts) => cohereAnswer(parts.map((part) => (part.type === "reasoning" ? without(part, "signature") : part)), form)),
  seen: ({ id, choices, usage }) => ({
    ...(id && { id }), ...counting(usage, "cacheWriteTokens", "cacheWrite1hTokens", "searches", "reasoningTokens", "inputAudioTokens", "outputAudioTokens"),
    choices: choices.map((choice) => ({ parts: choice.parts.map(from(cohere)).map((part) => citing(part, (one) => ({ url: one.url, title: one.title, start: one.start, end: one.end, raw: { protocol: cohere, value: cohereCitation(one) } }))), finish: finished(choice, cohereFinishes) })),
  }),
  finishing: /"type":"message-end"/,
});
