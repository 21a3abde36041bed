/**
 * Generators of conversations and answers: whatever the canonical types can hold and somebody could have meant. Features are rare
 * on purpose: a request with few of them shows which one was lost.
 */
import fc from "fast-check";
import { defined, efforts, eventsOf, noUsage, type ChatEvent, type ChatRequest, type ChatResponse, type Choice, type FilePart, type OpaquePart, type Origin, type Part, type ReasoningPart, type TextPart, type Tool, type ToolCallPart, type ToolResultPart, type Turn, type Usage } from "../../src/chat/index.ts";

type Json = Record<string, unknown>;
type Arb<T> = fc.Arbitrary<T>;

/** A block of thinking whose origin is not known yet. */
export type Thought = Omit<ReasoningPart, "type" | "origin">;

/** What only one protocol says, and how it keeps its thoughts. */
export type Speech = {
  readonly protocol: string;
  readonly thoughts: Arb<Thought>;
  /** It signs tool calls by a block without a text before them. */
  readonly signsCalls?: true;
  /** It has namespaces of tools. */
  readonly groups?: true;
  /** Content, tools and fields that only it knows. */
  readonly part?: Arb<Json>;
  readonly tool?: Arb<Json>;
  readonly rest?: Arb<Json>;
};

const rarely = <T>(arb: Arb<T>, weight = 1): Arb<T | undefined> => fc.oneof({ withCrossShrink: true }, { weight: 7, arbitrary: fc.constant(undefined) }, { weight, arbitrary: arb });
const flag = rarely(fc.constant(true as const));
/** An object without what is undefined. */
const some = <T extends object>(fields: { [K in keyof T]: Arb<T[K]> }): Arb<T> => fc.record(fields).map((made) => defined(made) as T);

const stumblingBlocks = [
  '"', "'", "”", "\\", "\\u0000", "\n", "\r\n\r\n", "\u2028", "\u2029event: error", "data: [DONE]\n\n", "event: ping\n\n", "e\u0301", "👩‍👩‍👧", "😀", "\ud83d", "\u0000", "\ufeff",
  '{"a":', "null", " ", "\t", '"finish_reason":"stop"',
];
/** Words over which JSON, SSE or UTF-8 could stumble. Never empty. */
export const text: Arb<string> = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 16 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 6 }) },
  { weight: 2, arbitrary: fc.array(fc.oneof(fc.constantFrom(...stumblingBlocks), fc.string({ minLength: 1, maxLength: 4 })), { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join("")) },
);
const word = fc.string({ unit: fc.constantFrom(..."abcXYZ019_"), minLength: 1, maxLength: 8 });
const name = word.map((end) => `n_${end}`);
const base64 = fc.base64String({ minLength: 4, maxLength: 16 });
const address = word.map((path) => `https://a.example/${path}`);
const ids = word.map((end) => `id_${end}`);

const key = fc.oneof(fc.constantFrom("a", "id", "type", "input", "naïve", "键", "x y", "__proto__", "rawJSON", "10"), fc.string({ unit: "grapheme", minLength: 1, maxLength: 5 }));
const bigInteger = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map((value): unknown => JSON.rawJSON(String(value)));
const { object } = fc.letrec<{ value: unknown; object: Json }>((tie) => ({
  value: fc.oneof({ depthSize: "small", withCrossShrink: true }, fc.oneof(text, fc.boolean(), fc.constant(null), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), bigInteger), fc.array(tie("value"), { maxLength: 3 }), tie("object")),
  object: fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
}));
/** A tool's input as a model writes it: a JSON object, nested, with integers that no double holds. */
export const toolInput: Arb<string> = object.map((value) => JSON.stringify(value));

/** Kinds of thinking blocks. */
export const thoughts = {
  bare: text.map((one): Thought => ({ texts: [one] })),
  signed: fc.record({ text, signature: base64 }).map(({ text: one, signature }): Thought => ({ texts: [one], signature })),
  redacted: base64.map((encrypted): Thought => ({ texts: [], encrypted })),
  /** Responses: paragraphs of a summary, or of the thoughts themselves, and their ciphertext. */
  summary: fc.record({ texts: fc.array(text, { maxLength: 3 }), encrypted: base64, id: ids }).map(({ texts, ...more }): Thought => ({ texts, ...more, ...(texts.length > 0 && { summarised: true }) })),
  open: fc.record({ texts: fc.array(text, { minLength: 1, maxLength: 2 }), id: ids }).map((one): Thought => one),
} as const;

const elsewhere: Origin = { protocol: "elsewhere", provider: "there" };
const originOf = (protocol: string): Arb<Origin> => fc.oneof({ weight: 6, arbitrary: fc.constantFrom<Origin>({ protocol }, { protocol, provider: "here" }) }, { weight: 1, arbitrary: fc.constant(elsewhere) });

const reasoning = ({ protocol, thoughts: own }: Speech): Arb<ReasoningPart> =>
  originOf(protocol).chain((origin) => (origin === elsewhere ? thoughts.signed : own).map((thought) => ({ type: "reasoning", ...thought, origin })));

const opaque = ({ protocol, part }: Speech): Arb<OpaquePart> =>
  fc.oneof(fc.constant<OpaquePart>({ type: "opaque", protocol: "elsewhere", value: { strange: 1 } }), ...(part ? [part.map((value): OpaquePart => ({ type: "opaque", protocol, value }))] : []));

const cache = rarely(fc.constantFrom({}, { ttl: "5m" as const }, { ttl: "1h" as const }));
const citation = fc.record({ url: address, title: word, start: fc.nat(9), end: fc.nat(99) }).map((one) => ({ ...one, raw: { protocol: "elsewhere", value: {} } }));
const citations = rarely(fc.array(citation, { minLength: 1, maxLength: 2 }));

const images = some<FilePart>({
  type: fc.constant("file"), kind: fc.constant("image"), mediaType: fc.constantFrom("image/png", "image/jpeg", "image/webp"), detail: rarely(fc.constantFrom("low", "high")),
  data: fc.oneof({ weight: 3, arbitrary: fc.record({ base64 }) }, { weight: 2, arbitrary: fc.record({ url: address }) }, { weight: 1, arbitrary: fc.record({ fileId: ids }) }),
});
const documents = some<FilePart>({
  type: fc.constant("file"), kind: fc.constant("document"), filename: rarely(word.map((one) => `${one}.pdf`), 3), title: rarely(text), context: rarely(text), cite: rarely(fc.boolean()),
  data: fc.oneof({ weight: 3, arbitrary: fc.record({ base64 }) }, fc.record({ url: address }), fc.record({ fileId: ids }), fc.record({ text })),
}).map((part): FilePart => ({ ...part, mediaType: "text" in part.data ? "text/plain" : "application/pdf" }));
const audios = fc.record({ base64 }).chain((data) => fc.constantFrom("audio/wav", "audio/mpeg").map((mediaType): FilePart => ({ type: "file", kind: "audio", data, mediaType })));
const videos = fc.oneof(fc.record({ base64 }), fc.record({ url: address })).map((data): FilePart => ({ type: "file", kind: "video", data, mediaType: "video/mp4" }));
/** Pictures, documents, recordings and films. */
export const files: Arb<FilePart> = fc.oneof({ weight: 4, arbitrary: images }, { weight: 3, arbitrary: documents }, { weight: 1, arbitrary: audios }, { weight: 1, arbitrary: videos });

const asked = some<TextPart>({ type: fc.constant("text"), text, cache });
const userPart: Arb<Part> = fc.oneof({ weight: 5, arbitrary: asked }, { weight: 1, arbitrary: fc.tuple(files, cache).map(([file, mark]): FilePart => ({ ...file, ...(mark && { cache: mark }) })) });
/** A refusal cites nothing. */
const refusing = <P extends TextPart>(part: P): P => (part.refusal ? { ...part, citations: undefined } : part);
const said = some<TextPart>({ type: fc.constant("text"), text, refusal: flag, citations, cache }).map(refusing).map(defined) as Arb<TextPart>;

/** Namespaces of tools. */
const groups = rarely(fc.constantFrom("g_a", "g_b"), 2);

type Called = { call: ToolCallPart; result: ToolResultPart; signed: ReasoningPart | undefined };

/** A tool call and what came of it; ids are given later, so that each is unique. */
const called = ({ protocol, signsCalls }: Speech): Arb<Called> =>
  fc.record({
    custom: flag, name, namespace: groups, input: toolInput, free: text, mark: cache, isError: flag, signature: signsCalls ? rarely(base64, 3) : fc.constant(undefined), origin: originOf(protocol),
    content: fc.array(fc.oneof({ weight: 8, arbitrary: asked }, { weight: 2, arbitrary: toolInput.map((json): TextPart => ({ type: "text", text: json })) }, { weight: 1, arbitrary: files }), { minLength: 1, maxLength: 2 }),
  }).map(({ custom, name: bare, namespace, input, free, mark, isError, signature, origin, content }) => {
    const tool = custom ? `c${bare}` : bare;
    return {
      call: { type: "tool-call", id: "", name: tool, input: custom ? free : input, ...defined({ namespace, custom, cache: mark }) } as ToolCallPart,
      result: { type: "tool-result", id: "", name: tool, content, ...defined({ isError, custom }) } as ToolResultPart,
      signed: signature === undefined || custom ? undefined : { type: "reasoning", texts: [], signature, origin },
    };
  });

type Exchange = { asked: Part[]; said: Part[]; called: Called[]; name: string | undefined; interruption: Turn | undefined; manner: "each" | "together" | "user" };

const exchange = (speech: Speech): Arb<Exchange> =>
  fc.record({
    asked: fc.array(userPart, { minLength: 1, maxLength: 3 }),
    said: fc.array(fc.oneof({ weight: 4, arbitrary: said }, { weight: 2, arbitrary: reasoning(speech) }, { weight: 1, arbitrary: opaque(speech) }) as Arb<Part>, { maxLength: 3 }),
    called: fc.array(called(speech), { maxLength: 2 }),
    name: rarely(name),
    interruption: rarely(fc.record({ role: fc.constantFrom("system" as const, "developer" as const), parts: fc.array(asked, { minLength: 1, maxLength: 2 }) })),
    manner: fc.constantFrom("each", "together", "user"),
  });

function turnsOf({ asked: parts, said: answer, called: calls, name: who, interruption, manner }: Exchange, index: number, isLast: boolean): Turn[] {
  const user: Turn = { role: "user", parts, ...defined({ name: who }) };
  const before = interruption && index > 0 ? [interruption, user] : [user];
  const known = calls.map(({ call, result, signed }, at) => ({ call: { ...call, id: `call_${index}_${at}` }, result: { ...result, id: `call_${index}_${at}` }, signed }));
  const spoken = [...answer, ...known.flatMap(({ call, signed }) => (signed ? [signed, call] : [call]))];
  if (spoken.length === 0 || (isLast && known.length === 0 && index % 2 === 0)) return before;
  const results = known.map(({ result }) => result);
  const role = manner === "user" ? "user" : "tool";
  const answered: Turn[] = manner === "each" ? results.map((result) => ({ role, parts: [result] })) : results.length > 0 ? [{ role, parts: results }] : [];
  return [...before, { role: "assistant", parts: spoken }, ...answered];
}

const system = (role: Turn["role"]): Arb<Turn> => fc.array(asked, { minLength: 1, maxLength: 2 }).map((parts) => ({ role, parts }));
const turns = (speech: Speech): Arb<Turn[]> =>
  fc.tuple(fc.oneof({ weight: 3, arbitrary: fc.constant<Turn[]>([]) }, { weight: 3, arbitrary: fc.tuple(system("system")) }, { weight: 1, arbitrary: fc.tuple(system("system"), system("developer")) }), fc.array(exchange(speech), { minLength: 1, maxLength: 3 }))
    .map(([leading, exchanges]) => [...leading, ...exchanges.flatMap((one, index) => turnsOf(one, index, index === exchanges.length - 1))]);

const property = fc.record({ type: fc.constantFrom("string", "integer"), description: text });
const schema: Arb<Json> = fc.dictionary(name, property, { minKeys: 1, maxKeys: 3, noNullPrototype: true }).map((properties) => ({ type: "object", properties, required: Object.keys(properties), additionalProperties: false }));

const tools = ({ protocol, tool }: Speech): Arb<Tool[]> =>
  fc.uniqueArray(fc.oneof(
    { weight: 5, arbitrary: some<Tool & { type: "function" }>({ type: fc.constant("function"), name, namespace: groups.map((group) => group && { name: group }), description: rarely(text, 7), parameters: schema, strict: flag, cache }) },
    { weight: 1, arbitrary: some<Tool & { type: "custom" }>({ type: fc.constant("custom"), name: name.map((one) => `c${one}`), namespace: groups.map((group) => group && { name: group }), description: rarely(text, 7), format: rarely(fc.constantFrom({ type: "text" }, { type: "grammar", syntax: "regex", definition: "a+" }), 7) }) },
    { weight: 1, arbitrary: (tool ?? fc.constant({ type: "strange" })).map((value): Tool => ({ type: "opaque", protocol: tool ? protocol : "elsewhere", value })) },
  ), { maxLength: 3, selector: (one) => (one.type === "opaque" ? one.type : one.name) });

type Choosing = Pick<ChatRequest, "tools" | "toolChoice" | "parallelTools">;

/** Tools, and a choice among them. */
const choosing = (speech: Speech): Arb<Choosing> =>
  fc.tuple(tools(speech), rarely(fc.constantFrom("auto", "none", "required", "tool", "allowed"), 7), rarely(fc.constant(false)), fc.boolean()).map(([all, kind, parallelTools, must]) => {
    const names = all.flatMap((one) => (one.type === "opaque" ? [] : [one.name]));
    if (all.length === 0 || (names.length === 0 && kind !== "auto")) return { tools: all };
    const mode = must ? "required" : "auto";
    const toolChoice = kind === "tool" ? { type: kind, name: names[0]! } as const : kind === "allowed" ? { type: kind, mode, names: names.slice(0, 2) } as const : kind && ({ type: kind } as ChatRequest["toolChoice"]);
    return { tools: all, ...defined({ toolChoice, parallelTools }) };
  });

const settings: Arb<Partial<ChatRequest>> = some<Partial<ChatRequest>>({
  output: rarely(fc.oneof(fc.constant({ type: "json" as const }), some<ChatRequest["output"] & { type: "json-schema" }>({ type: fc.constant("json-schema"), name, description: rarely(text), schema, strict: flag }))),
  reasoning: rarely(fc.oneof(
    fc.constantFrom(...efforts).map((effort) => ({ effort })), fc.integer({ min: 1_024, max: 4_000 }).map((budgetTokens) => ({ budgetTokens })), fc.constant({ adaptive: true as const }),
    fc.record({ effort: fc.constantFrom("low" as const, "high" as const), budgetTokens: fc.integer({ min: 1_024, max: 4_000 }) }),
    fc.record({ effort: fc.constantFrom("low" as const, "high" as const), show: fc.constantFrom("none" as const, "auto" as const, "concise" as const, "detailed" as const) }),
  ), 3),
  maxOutputTokens: rarely(fc.integer({ min: 5_000, max: 60_000 }), 7),
  temperature: rarely(fc.constantFrom(0, 0.5, 1, 1.5)), topP: rarely(fc.constantFrom(0.25, 1)), topK: rarely(fc.integer({ min: 1, max: 99 })), minP: rarely(fc.constant(0.1)),
  stop: rarely(fc.array(text, { minLength: 1, maxLength: 6 })), seed: rarely(fc.integer()), frequencyPenalty: rarely(fc.constantFrom(0.5, -1)), presencePenalty: rarely(fc.constantFrom(0.5, -1)),
  logitBias: rarely(fc.constant({ 50256: -100 })), logprobs: rarely(fc.nat(5).map((top) => ({ top }))), choices: rarely(fc.integer({ min: 2, max: 4 })), verbosity: rarely(fc.constantFrom("low", "high")),
  modalities: rarely(fc.constant(["text", "audio"])), audio: rarely(fc.constant({ voice: "alloy", format: "wav" })), serviceTier: rarely(fc.constantFrom("flex", "priority")),
  user: rarely(fc.oneof(word, fc.string({ minLength: 60, maxLength: 600 }))), metadata: rarely(fc.dictionary(name, text, { minKeys: 1, maxKeys: 2, noNullPrototype: true })), promptCacheKey: rarely(word),
});

/** Requests of a client that speaks `speech` itself, or of one that does not. */
export const requests = (speech: Speech): Arb<ChatRequest> =>
  fc.record({ model: name, stream: fc.boolean(), turns: turns(speech), choosing: choosing(speech), settings, own: fc.boolean(), rest: rarely(speech.rest ?? fc.constant({}), 3), foreign: rarely(fc.constant({ strange_field: { a: [1] } })) })
    .map(({ model, stream, turns: all, choosing: chosen, settings: wishes, own, rest, foreign }) => ({
      model, stream, streamUsage: true, turns: all, ...chosen, ...wishes,
      rest: own ? { protocol: speech.protocol, fields: rest ?? {} } : { protocol: "elsewhere", fields: foreign ?? {} },
    }));

const token = fc.record({ token: text, logprob: fc.constantFrom(-0.5, -1, -9999), bytes: fc.array(fc.nat(255), { maxLength: 2 }) });
const measured = fc.record({ token, top: fc.array(token, { maxLength: 2 }) }).map(({ token: chosen, top }) => ({ ...chosen, top }));
const answered = some<TextPart>({ type: fc.constant("text"), text, refusal: flag, citations, logprobs: rarely(fc.array(measured, { minLength: 1, maxLength: 2 })) }).map(refusing).map(defined) as Arb<TextPart>;
const made: Arb<Part> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(base64, fc.constantFrom("image/png", "image/webp")).map(([data, mediaType]): FilePart => ({ type: "file", kind: "image", data: { base64: data }, mediaType })) },
  { weight: 1, arbitrary: fc.record({ data: base64, id: ids, transcript: text }).map(({ data, ...more }): FilePart => ({ type: "file", kind: "audio", data: { base64: data }, ...more })) },
);

/** Parts of an answer in any order; calls have an id each. */
const answerParts = (speech: Speech): Arb<Part[]> =>
  fc.array(fc.oneof(
    { weight: 5, arbitrary: answered.map((part): Part[] => [part]) },
    { weight: 3, arbitrary: reasoning(speech).map((part): Part[] => [part]) },
    { weight: 3, arbitrary: called(speech).map(({ call, signed }): Part[] => [...(signed ? [signed] : []), { ...call, cache: undefined, ...(!speech.groups && { namespace: undefined }) }]).map((parts) => parts.map(defined) as Part[]) },
    { weight: 1, arbitrary: fc.oneof(made, opaque(speech)).map((part): Part[] => [part]) },
  ), { maxLength: 5 }).map((groups) => groups.flat().map((part, at): Part => (part.type === "tool-call" ? { ...part, id: `call_${at}` } : part)));

const finishes = ["stop", "length", "tool-calls", "content-filter"] as const;

/** A choice whose finish is what its parts say: a stop behind tool calls is theirs. */
const choice = (speech: Speech): Arb<Choice> =>
  fc.tuple(answerParts(speech), fc.constantFrom(...finishes), rarely(text)).map(([parts, wanted, stopSequence]) => {
    const calls = parts.some(({ type }) => type === "tool-call");
    const unified = wanted === "stop" || wanted === "tool-calls" ? (calls ? "tool-calls" : "stop") : wanted;
    return { parts, finish: { unified, ...(unified === "stop" && defined({ stopSequence })) } };
  });

/** Usage by class; the classes fit into their sums. */
const usage: Arb<Usage> = fc.record({ plain: fc.nat(999), cached: fc.nat(99), written: fc.nat(99), spoken: fc.nat(9), thought: fc.nat(99), heard: fc.nat(9), heardIn: fc.nat(9), hour: fc.nat(99), searches: fc.nat(3) })
  .map(({ plain, cached, written, spoken, thought, heard, heardIn, hour, searches }) => ({
    ...noUsage, inputTokens: plain + cached + written + heardIn, cachedTokens: cached, cacheWriteTokens: written, cacheWrite1hTokens: Math.min(hour, written), searches, inputAudioTokens: heardIn, outputTokens: 1 + spoken + thought + heard, reasoningTokens: thought, outputAudioTokens: heard,
  }));

/** Whole answers. */
export const responses = (speech: Speech): Arb<ChatResponse> =>
  some<ChatResponse>({
    id: rarely(ids, 20), model: rarely(name, 20), createdAtS: rarely(fc.integer({ min: 1, max: 2_000_000_000 })), serviceTier: rarely(fc.constantFrom("default", "priority"), 3), usage: rarely(usage, 20),
    choices: fc.oneof({ weight: 4, arbitrary: fc.tuple(choice(speech)) as Arb<Choice[]> }, { weight: 1, arbitrary: fc.array(choice(speech), { minLength: 2, maxLength: 3 }) }),
  });

/** Sizes of pieces and turns among choices, taken in a circle. */
export const rhythms = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 });

/** The events of an answer as a stream has them: deltas in pieces that may part a surrogate pair, choices taking turns. Without `end`. */
export function streamed(response: ChatResponse, rhythm: readonly number[]): ChatEvent[] {
  let step = 0;
  const next = (): number => rhythm[step++ % rhythm.length]!;
  const pieces = eventsOf(response).flatMap((event) => cut(event, next));
  const [head, ...others] = pieces.filter((event) => event.type !== "end");
  const queues = response.choices.map((_, index) => others.filter((event) => "choice" in event && event.choice === index));
  const events: ChatEvent[] = [];
  while (queues.some((queue) => queue.length > 0)) for (const queue of queues) events.push(...queue.splice(0, next()));
  return [head!, ...events, ...others.filter((event) => !("choice" in event))];
}

function cut(event: ChatEvent, next: () => number): ChatEvent[] {
  if (event.type !== "text-delta" && event.type !== "reasoning-delta" && event.type !== "tool-call-delta") return [event];
  const whole = event.type === "tool-call-delta" ? event.input : event.text;
  const parts: ChatEvent[] = [];
  for (let from = 0; from < whole.length;) {
    const size = next();
    const piece = whole.slice(from, from + size);
    if (event.type === "tool-call-delta") parts.push({ ...event, input: piece });
    else if (event.type === "text-delta" && from > 0) parts.push({ type: event.type, at: event.at, choice: event.choice, text: piece });
    else parts.push({ ...event, text: piece });
    from += size;
  }
  return parts.length > 0 ? parts : [event];
}
