/** The laws of every conversation protocol, as properties. Each law is one function; `testConversation` runs those that apply. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collect, type ChatEvent, type ChatRequest, type ChatResponse, type FilePart, type Loss, type Part, type Tool, type ToolResultPart, type Turn } from "../../src/chat/index.ts";
import { GatewayError } from "../../src/errors.ts";
import type { ClientHalf, Dialect, ParseContext, Rendered, RenderContext, Target, UpstreamHalf } from "../../src/protocols/protocol.ts";
import { dataOf, eventOf, splitFrames } from "../../src/protocols/sse.ts";
import { FrameCutter } from "../../src/upstream/frames.ts";
import { requests, responses, rhythms, streamed, type Speech } from "./arbitraries.ts";

/** One protocol, what its two halves are, and what is documented of its ways. */
export type Contract = {
  readonly half: UpstreamHalf;
  readonly speech: Speech;
  readonly dialect: Dialect;
  /** Part of the model's name, where what is said depends on that. */
  readonly model?: string;
  /** Reads requests. Absent: nobody speaks it to us. */
  readonly parseRequest?: (body: unknown, request: Pick<ChatRequest, "model" | "stream">) => ChatRequest;
  /** Writes answers: the client half, or a stand-in for the provider where there is none. */
  readonly server: Pick<ClientHalf, "renderResponse" | "renderStream">;
  /** What it cannot say even to its own clients' requests. */
  readonly cannot: readonly Loss[];
  /** A request in this protocol's own order and words: what reading a rendered request gives. Nothing that is declared is lost by it. */
  readonly normal: (request: ChatRequest) => ChatRequest;
  /** An answer with what this protocol can say, in the order in which it says it. */
  readonly answer: (response: ChatResponse, form: Form) => ChatResponse;
  /** What the upstream half reads of such an answer. */
  readonly seen: (response: ChatResponse) => ChatResponse;
  /** A frame that says why the answer ended. */
  readonly finishing: RegExp;
  /** The conversation in which a client gives an answer of `server` back. Absent where `parseRequest` is. */
  readonly givenBack?: (answer: Json) => unknown;
  /** Bodies as clients write them, in forms that we never write. */
  readonly wires?: fc.Arbitrary<unknown>;
};

/** How an answer comes: at once, as a stream, or in a way in which both say the same. */
export type Form = "whole" | "stream" | "either";

type Json = Record<string, unknown>;
type Run = Contract & { readonly target: Target; readonly parsing: ParseContext };

const runs = (numRuns: number): fc.Parameters<unknown> => ({ seed: 20_260, numRuns, ...fc.readConfigureGlobal() });
const holds = <T>(arb: fc.Arbitrary<T>, law: (value: T) => void, numRuns = 30): void => fc.assert(fc.property(arb, law), runs(numRuns) as fc.Parameters<[T]>);

/* Comparing. */

type Parse = (text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown) => unknown;
/** Integers that no double holds become text, so that a rounded one differs; keys are in order. */
const plain = (value: unknown): unknown =>
  (JSON.parse as Parse)(JSON.stringify(value) ?? "null", (_, one, { source }) => {
    if (typeof one === "number") return source && Math.abs(one) > Number.MAX_SAFE_INTEGER ? `${source}n` : one;
    return typeof one === "object" && one !== null && !Array.isArray(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one;
  });

function same(actual: unknown, expected: unknown): void {
  const [is, shall] = [plain(actual), plain(expected)];
  if (JSON.stringify(is) === JSON.stringify(shall)) return;
  expect(is).toEqual(shall);
  throw new Error(`${JSON.stringify(is)} is not ${JSON.stringify(shall)}`);
}

/** Frozen through and through: whoever writes into it throws. */
export function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

/* What a loss takes away. */

const isInstruction = ({ role }: Turn): boolean => role === "system" || role === "developer";

/** A request with each part, those in tool results too, as what `change` makes of it. */
export function withParts(request: ChatRequest, change: (part: Part) => Part[]): ChatRequest {
  const inside = (part: Part): Part => (part.type === "tool-result" ? { ...part, content: part.content.flatMap(change) as ToolResultPart["content"] } : part);
  return { ...request, turns: request.turns.map((turn) => ({ ...turn, parts: turn.parts.map(inside).flatMap(change) })) };
}

/** An object without some of its fields. */
export function without<T extends object>(value: T, ...keys: string[]): T {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key))) as T;
}

const wishless = (request: ChatRequest, ...keys: string[]): ChatRequest => {
  const reasoning = without(request.reasoning ?? {}, ...keys);
  return Object.keys(reasoning).length > 0 ? { ...request, reasoning } : without(request, "reasoning");
};
const fileless = (request: ChatRequest, isLost: (file: FilePart) => boolean): ChatRequest => withParts(request, (part) => (part.type === "file" && isLost(part) ? [] : [part]));
const partsWithout = (request: ChatRequest, ...keys: string[]): ChatRequest => withParts(request, (part) => [without(part, ...keys)]);
const toolsWithout = (request: ChatRequest, ...keys: string[]): ChatRequest => ({ ...request, tools: request.tools.map((tool) => (tool.type === "opaque" ? tool : without(tool, ...keys))) });
const field = (...keys: (keyof ChatRequest)[]) => (request: ChatRequest): ChatRequest => without(request, ...keys);

/** Without the word that tells an error where nothing else can. */
const unprefixed = ({ content, ...result }: ToolResultPart): ToolResultPart => {
  const [first, ...others] = content;
  if (first?.type !== "text") return { ...result, content };
  const text = first.text.replace(/^Error(?::\n\n|: |:|$)/, "");
  return { ...result, content: text === "" ? others : [{ ...first, text }, ...others] };
};

const flatName = (name: string, namespace: string | undefined): string => (namespace === undefined ? name : `${namespace}__${name}`);

/** A request as it is for those who have no namespaces: a name begins with its own. */
export function ungrouped(request: ChatRequest): ChatRequest {
  const named = request.tools.filter((tool) => tool.type !== "opaque");
  const flat = new Map(named.map(({ name, namespace }) => [name, flatName(name, namespace?.name)]));
  const called = new Map(request.turns.flatMap(({ parts }) => parts).flatMap((part) => (part.type === "tool-call" ? [[part.id, flatName(part.name, part.namespace)]] : [])));
  const tools = request.tools.map((tool) => (tool.type === "opaque" ? tool : { ...without(tool, "namespace"), name: flat.get(tool.name)! }));
  const { toolChoice: choice } = request;
  const chosen = choice?.type === "tool" ? { ...choice, name: flat.get(choice.name) ?? choice.name } : choice?.type === "allowed" ? { ...choice, names: choice.names.map((name) => flat.get(name) ?? name) } : choice;
  const turned = withParts({ ...request, tools }, (part) => {
    if (part.type === "tool-call") return [{ ...without(part, "namespace"), name: called.get(part.id)! }];
    return [part.type === "tool-result" && called.has(part.id) ? { ...part, name: called.get(part.id)! } : part];
  });
  return chosen ? { ...turned, toolChoice: chosen } : turned;
}

function customless(request: ChatRequest, original: ChatRequest): ChatRequest {
  const names = new Set(original.tools.flatMap((tool) => (tool.type === "custom" ? [tool.name, flatName(tool.name, tool.namespace?.name)] : [])));
  const ids = new Set(original.turns.flatMap(({ parts }) => parts).flatMap((part) => (part.type === "tool-call" && part.custom ? [part.id] : [])));
  const isCustom = (tool: Tool): boolean => tool.type !== "opaque" && names.has(tool.name);
  const tools = request.tools.filter((tool) => !isCustom(tool));
  return withParts({ ...request, tools }, (part) => {
    if (part.type === "tool-call" && ids.has(part.id)) return [{ ...without(part, "custom"), input: "{}" }];
    return [part.type === "tool-result" ? without(part, "custom") : part];
  });
}

/** Without the marks that a block of the protocol's own has within. */
function uncached(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(uncached);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, one]) => (key === "cache_control" ? [] : [[key, uncached(one)]])));
}

type Erase = (request: ChatRequest, original: ChatRequest, protocol: string) => ChatRequest;

/** A request without what a declared loss takes from it. Those that take nothing from the words (`assistant_prefill`) are absent. */
const erasers: Partial<Record<Loss, Erase>> = {
  developer_role: (request) => ({ ...request, turns: request.turns.map((turn) => (turn.role === "developer" ? { ...turn, role: "system" } : turn)) }),
  system_position: (request) => {
    const first = request.turns.findIndex((turn) => !isInstruction(turn));
    return { ...request, turns: request.turns.map((turn, index) => (index > first && isInstruction(turn) ? { ...turn, role: "user" } : turn)) };
  },
  message_name: (request) => ({ ...request, turns: request.turns.map((turn) => without(turn, "name")) }),
  image: (request) => fileless(request, ({ kind }) => kind === "image"),
  image_url: (request) => fileless(request, ({ kind, data }) => kind === "image" && "url" in data),
  image_detail: (request) => partsWithout(request, "detail"),
  audio: (request) => fileless(request, ({ kind }) => kind === "audio"),
  video: (request) => fileless(request, ({ kind }) => kind === "video"),
  document: (request) => fileless(request, ({ kind, data }) => kind === "document" && !("text" in data)),
  document_url: (request) => fileless(request, ({ kind, data }) => kind === "document" && "url" in data),
  document_metadata: (request) => partsWithout(request, "title", "context", "cite", "filename"),
  model_media: (request) => ({ ...request, turns: request.turns.map((turn) => (turn.role === "assistant" ? { ...turn, parts: turn.parts.filter(({ type }) => type !== "file") } : turn)) }),
  uploaded_file: (request) => fileless(request, ({ data }) => "fileId" in data),
  tool_result_media: (request) => fileless(request, ({ data }) => !("text" in data)),
  tool_result_error: (request) => withParts(request, (part) => [part.type === "tool-result" ? unprefixed(without(part, "isError")) : part]),
  custom_tool: customless,
  provider_tool: (request, _, protocol) => ({ ...request, tools: request.tools.filter((tool) => tool.type !== "opaque" || tool.protocol === protocol) }),
  provider_content: (request, _, protocol) => withParts(request, (part) => (part.type === "opaque" && part.protocol !== protocol ? [] : [part])),
  tool_strict: (request) => toolsWithout(request, "strict"),
  tool_choice: field("toolChoice"),
  parallel_tools: field("parallelTools"),
  output_format: (request) => (request.output?.type === "json" ? without(request, "output") : request),
  output_schema: field("output"),
  output_strict: (request) => (request.output ? { ...request, output: without(request.output, "strict") } : request),
  reasoning_effort: (request) => wishless(request, "effort", "budgetTokens", "adaptive"),
  reasoning_budget: (request) => wishless(request, "effort", "budgetTokens", "adaptive"),
  reasoning_display: (request) => wishless(request, "show"),
  reasoning: (request, _, protocol) => withParts(request, (part) => (part.type === "reasoning" && part.origin.protocol !== protocol ? [] : [part])),
  citations: (request) => partsWithout(request, "citations"),
  refusal: (request) => partsWithout(request, "refusal"),
  cache_breakpoint: (request) => withParts(toolsWithout(partsWithout(request, "cache"), "cache"), (part) => [part.type === "opaque" ? { ...part, value: uncached(part.value) } : part]),
  cache_key: field("promptCacheKey"),
  max_output_tokens: field("maxOutputTokens"),
  temperature: field("temperature"),
  top_p: field("topP"),
  top_k: field("topK"),
  min_p: field("minP"),
  stop: field("stop"),
  seed: field("seed"),
  frequency_penalty: field("frequencyPenalty"),
  presence_penalty: field("presencePenalty"),
  logit_bias: field("logitBias"),
  logprobs: field("logprobs"),
  choices: field("choices"),
  verbosity: field("verbosity"),
  modalities: field("modalities", "audio"),
  service_tier: field("serviceTier"),
  user: field("user"),
  metadata: field("metadata"),
};

function erase(request: ChatRequest, losses: readonly Loss[], original: ChatRequest, protocol: string): ChatRequest {
  const fields = losses.flatMap((loss) => (loss.startsWith("field:") ? [loss.slice("field:".length)] : []));
  const left = { ...request, rest: { ...request.rest, fields: without(request.rest.fields, ...fields) } };
  return (Object.keys(erasers) as Loss[]).filter((loss) => losses.includes(loss)).reduce((erased, loss) => erasers[loss]!(erased, original, protocol), left);
}

/* Requests. */

const render = ({ half, target, model }: Run, request: ChatRequest): Rendered =>
  half.renderRequest(request, { ...target, upstreamId: model === undefined ? request.model : `${model}-${request.model}` });

/** The rendered body as it arrives, and what is read of it. */
function reread(run: Run, request: ChatRequest): { body: unknown; losses: Loss[]; read: ChatRequest } {
  const { body, losses } = render(run, frozen(request));
  const arrived = frozen((JSON.parse as Parse)(JSON.stringify(body), bigIntegers));
  const read = run.parseRequest!(arrived, request);
  return { body, losses, read: { ...read, model: request.model } };
}

/** As the pipeline reads bodies. */
const bigIntegers = (_: string, value: unknown, { source }: { source?: string }): unknown =>
  typeof value === "number" && source !== undefined && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? JSON.rawJSON(source) : value;

function testRequests(run: Run): void {
  const { speech, half: { id }, parseRequest, cannot, normal } = run;
  const all = requests(speech);

  test("renders the same twice, changes nothing of the request, and declares each loss once", () => {
    holds(all, (request) => {
      const once = render(run, frozen(request));
      same(render(run, request), once);
      expect(new Set(once.losses).size).toBe(once.losses.length);
    });
  });

  test("says every feature or declares its loss", () => {
    holds(all, (request) => {
      const sayable = erase(request, render(run, request).losses, request, id);
      const { body, losses } = render(run, sayable);
      for (const loss of Object.keys(erasers) as Loss[]) {
        if (losses.includes(loss)) continue;
        const erased = erase(sayable, [loss], request, id);
        if (JSON.stringify(plain(normal(erased))) === JSON.stringify(plain(normal(sayable)))) continue;
        if (JSON.stringify(render(run, erased).body) === JSON.stringify(body)) throw new Error(`${loss} is neither said nor declared: ${JSON.stringify(sayable)}`);
      }
    });
  });

  if (!parseRequest) return;

  test("a request that it can say is read back as it was, and nothing is declared lost", () => {
    holds(all, (request) => {
      const own = { ...request, rest: request.rest.protocol === id ? request.rest : { protocol: id, fields: {} } };
      const sayable = normal(erase(own, cannot, own, id));
      fc.pre(sayable.turns.some((turn) => !isInstruction(turn)));
      const { losses, read } = reread(run, sayable);
      same(read, sayable);
      expect(losses).toEqual([]);
    });
  });

  test("any request is read back as it was but for the declared losses", () => {
    holds(all, (request) => {
      const { losses, read } = reread(run, request);
      const but = (one: ChatRequest): ChatRequest => normal({ ...erase(one, losses, request, id), rest: { ...erase(one, losses, request, id).rest, protocol: request.rest.protocol } });
      const kept = but(request);
      fc.pre(kept.turns.some((turn) => !isInstruction(turn)));
      same(but(read), kept);
    });
  });

  test("what was read and written once is read and written the same again", () => {
    const bodies = all.map((request) => render(run, request).body as unknown);
    holds(run.wires ? fc.oneof(bodies, run.wires) : bodies, (body) => {
      const facts = { model: "model-1", stream: (body as { stream?: boolean }).stream === true };
      const once = reread(run, { ...parseRequest(frozen(body), facts), model: "model-1" });
      same(reread(run, once.read).body, once.body);
    });
  });
}

/* Streams. */

type Frame = { event?: string; data: string };
const framesOf = (text: string): Frame[] =>
  splitFrames(text).flatMap((frame) => {
    const data = dataOf(frame);
    return data === undefined ? [] : [{ event: eventOf(frame), data }];
  });

function parse({ half, parsing }: Run, frames: readonly Frame[]): ChatEvent[] {
  const parser = half.parseStream(parsing);
  return [...frames.flatMap((frame) => parser.push(frame)), ...parser.end()];
}

const decoder = new TextDecoder();

/** A stream that arrives in pieces, through the frame reader of every upstream call. */
function arrive(pieces: Iterable<Uint8Array>): Frame[] {
  const cutter = new FrameCutter();
  const frames: Frame[] = [];
  for (const piece of pieces) {
    const whole = cutter.push(piece);
    if (whole) frames.push(...framesOf(decoder.decode(whole)));
  }
  return [...frames, ...framesOf(cutter.rest())];
}

/** Checks the laws of `ChatEvent`. */
export function expectLawful(events: readonly ChatEvent[]): void {
  const open = new Map<number, string>();
  const next = new Map<number, number>();
  const finished = new Set<number>();
  events.forEach((event, index) => {
    const at = `${index}: ${JSON.stringify(event)} of ${JSON.stringify(events)}`;
    const before = events[index - 1]?.type;
    if (before === "end" || before === "error") expect.unreachable(`behind the end, ${at}`);
    if (event.type !== "error" && (event.type === "start") !== (index === 0)) expect.unreachable(`start is first and once, ${at}`);
    if (!("choice" in event)) return;
    if (finished.has(event.choice)) expect.unreachable(`behind a finish, ${at}`);
    const kind = open.get(event.choice);
    if (event.type === "finish") {
      if (kind) expect.unreachable(`a finish within a part, ${at}`);
      finished.add(event.choice);
      return;
    }
    const isStart = event.type.endsWith("-start");
    if (isStart || event.type === "part") {
      if (kind) expect.unreachable(`two parts at once, ${at}`);
      const place = (next.get(event.choice) ?? -1) + 1;
      if (event.at !== place) expect.unreachable(`place ${place}, ${at}`);
      next.set(event.choice, place);
      if (isStart) open.set(event.choice, event.type.slice(0, -"-start".length));
      return;
    }
    if (!kind || event.at !== next.get(event.choice) || !event.type.startsWith(`${kind}-`)) expect.unreachable(`outside its part, ${at}`);
    if (event.type.endsWith("-end")) open.delete(event.choice);
  });
  if (events.at(-1)?.type !== "error") expect([...open.values()], "parts left open").toEqual([]);
}

const asking: ChatRequest = { model: "model-1", stream: true, streamUsage: true, turns: [{ role: "user", parts: [{ type: "text", text: "Hi" }] }], tools: [], rest: { protocol: "elsewhere", fields: {} } };
const rendering: RenderContext = { request: asking, requestId: "req_1", nowS: 1_700_000_000 };

function streamOf({ server }: Run, events: readonly ChatEvent[]): string {
  const renderer = server.renderStream(rendering);
  return events.map((event) => renderer.push(frozen(event))).join("") + renderer.end();
}

const wholeOf = ({ half, server, parsing }: Run, response: ChatResponse): ChatResponse =>
  half.parseResponse((JSON.parse as Parse)(server.renderResponse(frozen(response), rendering).body, bigIntegers), parsing);

const textsIn = ({ choices }: ChatResponse): string[] => (choices[0]?.parts ?? []).flatMap((part) => (part.type === "text" ? part.text : []));
const expectWords = (told: ChatResponse, said: ChatResponse): void => {
  const words = textsIn(told).join("");
  for (const text of textsIn(said)) expect(words).toContain(text);
};

const encoder = new TextEncoder();
const writings: Record<string, (stream: string) => string> = {
  "as written": (stream) => stream,
  "with \\r\\n": (stream) => stream.replaceAll(/\r?\n/g, "\r\n"),
  "with comments and other fields": (stream) => `: hello\n\n${splitFrames(stream).map((frame) => `: ping\n\nid: 7\n: within\n${frame}`).join("retry: 9\n\n")}`,
};

function testAnswers(run: Run): void {
  const { speech, answer, seen, server, parseRequest } = run;
  const all = fc.record({ response: responses(speech), rhythm: rhythms });

  test("a whole answer is read as it was", () => {
    holds(all, ({ response }) => {
      const sayable = answer(response, "whole");
      same(wholeOf(run, sayable), seen(sayable));
      expect(server.renderResponse(sayable, rendering).losses).toEqual([]);
    });
  });

  test("a streamed answer is read as it was, however its deltas are cut", () => {
    holds(all, ({ response, rhythm }) => {
      const sayable = answer(response, "stream");
      const events = parse(run, framesOf(streamOf(run, streamed(sayable, rhythm))));
      expectLawful(events);
      same(collect(events), seen(sayable));
    });
  });

  test("a stream and the whole of it are read the same", () => {
    holds(all, ({ response, rhythm }) => {
      const sayable = answer(response, "either");
      const parsed = collect(parse(run, framesOf(streamOf(run, streamed(sayable, rhythm)))));
      same(parsed, wholeOf(run, sayable));
    });
  });

  if (!parseRequest) return;

  test("any answer is told lawfully and in all its words, and its loss is declared", () => {
    holds(all, ({ response, rhythm }) => {
      const events = parse(run, framesOf(streamOf(run, streamed(response, rhythm))));
      expectLawful(events);
      expectWords(collect(events), answer(response, "stream"));
      expectWords(wholeOf(run, response), answer(response, "whole"));
    });
  });

  test("thoughts that a client gives back are as they were, each at its place", () => {
    holds(all, ({ response }) => {
      const [first] = response.choices;
      const told = spoken(first!.parts);
      const { body } = server.renderResponse(frozen({ ...response, choices: [{ ...first!, parts: told }] }), rendering);
      const request = parseRequest(run.givenBack!((JSON.parse as Parse)(body, bigIntegers) as Json), asking);
      same(glued(request.turns.flatMap((turn) => (turn.role === "assistant" ? turn.parts : []))), glued(told));
    });
  });

  test("an answer says every feature or declares its loss", () => {
    holds(all, ({ response }) => {
      const isFirst = server.renderResponse(response, rendering).losses.includes("choices");
      const told = isFirst ? { ...response, choices: response.choices.slice(0, 1) } : response;
      const { body, losses } = server.renderResponse(told, rendering);
      for (const [loss, erased] of poorer(told)) {
        if (losses.includes(loss) || losses.includes("provider_content") && loss !== "citations") continue;
        if (server.renderResponse(erased, rendering).body === body) throw new Error(`${loss} is neither said nor declared`);
      }
    });
  });
}

/** Somebody else's thoughts among bare texts, then among calls: what every client can give back. */
function spoken(parts: readonly Part[]): Part[] {
  const thought = (part: Part): Part[] => (part.type === "reasoning" ? [{ ...part, origin: { protocol: "elsewhere", provider: "there" } }] : []);
  const before = parts.filter((_, index) => index % 2 === 0);
  const behind = parts.filter((_, index) => index % 2 === 1);
  const texts = [...before, ...behind.filter(({ type }) => type === "text")].flatMap((part) => (part.type === "text" ? [{ type: part.type, text: part.text }] : thought(part)));
  const calls = [...behind, ...before.filter(({ type }) => type === "tool-call")].flatMap((part) => (part.type === "tool-call" && !part.custom ? [part] : thought(part)));
  return [...texts, ...calls];
}

/** Texts that stand side by side as one. */
function glued(parts: readonly Part[]): Part[] {
  const whole: Part[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    if (part.type === "text" && last?.type === "text") whole.splice(-1, 1, { ...last, text: last.text + part.text });
    else whole.push(part);
  }
  return whole;
}

/** An answer without each of the features that it has. */
function poorer(response: ChatResponse): [Loss, ChatResponse][] {
  const [first] = response.choices;
  const change = (edit: (part: Part) => Part[]): ChatResponse => ({ ...response, choices: response.choices.map((choice) => ({ ...choice, parts: choice.parts.flatMap(edit) })) });
  const has = (is: (part: Part) => unknown): boolean => response.choices.some(({ parts }) => parts.some(is));
  return ([
    ["refusal", has((part) => part.type === "text" && part.refusal), () => change((part) => [without(part, "refusal")])],
    ["citations", has((part) => part.type === "text" && part.citations && !part.refusal), () => change((part) => [without(part, "citations")])],
    ["logprobs", has((part) => part.type === "text" && part.logprobs), () => change((part) => [without(part, "logprobs")])],
    ["image", has((part) => part.type === "file" && part.kind === "image"), () => change((part) => (part.type === "file" && part.kind === "image" ? [] : [part]))],
    ["audio", has((part) => part.type === "file" && part.kind === "audio"), () => change((part) => (part.type === "file" && part.kind === "audio" ? [] : [part]))],
    ["provider_content", has((part) => part.type === "opaque"), () => change((part) => (part.type === "opaque" ? [] : [part]))],
    ["choices", response.choices.length > 1, () => ({ ...response, choices: [first!] })],
  ] as [Loss, boolean, () => ChatResponse][]).flatMap(([loss, present, without]) => (present ? [[loss, without()]] : []));
}

function testFrames(run: Run): void {
  const { speech, answer, finishing, server } = run;
  const all = fc.record({ response: responses(speech), rhythm: rhythms });
  const stream = all.map(({ response, rhythm }) => streamOf(run, streamed(answer(response, "stream"), rhythm)));

  test.each(Object.entries(writings))("is read the same, cut anywhere, %s", (_, write) => {
    holds(fc.tuple(stream, fc.array(fc.nat(9_999), { maxLength: 12 })), ([text, cuts]) => {
      const bytes = encoder.encode(write(text));
      const borders = [...new Set([0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length])];
      same(parse(run, arrive(borders.slice(1).map((to, index) => bytes.subarray(borders[index], to)))), parse(run, framesOf(text)));
    }, 40);
  });

  test.each(Object.entries(writings))("comes as the same frames, cut at every byte, %s", (_, write) => {
    holds(stream, (text) => {
      const bytes = encoder.encode(write(text));
      const frames = framesOf(text).map(({ event, data }) => `${event}: ${data}`).join();
      const arrives = (...pieces: Uint8Array[]): boolean => arrive(pieces).map(({ event, data }) => `${event}: ${data}`).join() === frames;
      expect(arrives(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toBe(true);
      for (let at = 1; at < bytes.length; at += 1) if (!arrives(bytes.subarray(0, at), bytes.subarray(at))) expect.unreachable(`cut at ${at}`);
    }, 1);
  });

  test("broken off behind any frame it is lawful and no success", () => {
    holds(stream, (text) => {
      const frames = framesOf(text);
      for (let length = 0; length < frames.length; length += 1) {
        const kept = frames.slice(0, length);
        const events = parse(run, kept);
        expectLawful(events);
        const said = kept.some(({ event, data }) => finishing.test(`${event}: ${data}`));
        if (!said && events.some(({ type }) => type === "finish")) expect.unreachable(`a finish that nobody said: ${JSON.stringify(events)}`);
        if (events.some(({ type }) => type === "end")) expect.unreachable(`an end before the last frame: ${JSON.stringify(events)}`);
      }
    }, 30);
  });

  test("a failure behind any event is read as that failure", () => {
    holds(fc.tuple(all, fc.nat(99)), ([{ response, rhythm }, before]) => {
      const renderer = server.renderStream(rendering);
      const told = streamed(answer(response, "stream"), rhythm);
      const text = told.slice(0, before % told.length).map((event) => renderer.push(event)).join("") + renderer.fail(new GatewayError("upstream_error", "The line is dead."));
      const events = parse(run, framesOf(text));
      expectLawful(events);
      const last = events.at(-1);
      expect(last?.type === "error" && last.error.message).toContain("The line is dead.");
    }, 50);
  });

  test("frames of anything are never thrown at", () => {
    const junk = fc.record({ event: fc.constantFrom(undefined, "error", "messageStop", "contentBlockDelta"), data: fc.oneof(fc.json({ maxDepth: 3 }), fc.string()) });
    holds(fc.tuple(stream, fc.array(fc.tuple(fc.nat(99), junk), { maxLength: 4 })), ([text, extras]) => {
      const frames = framesOf(text);
      for (const [at, frame] of extras) frames.splice(at % (frames.length + 1), 0, frame);
      collect(parse(run, frames));
    }, 50);
  });
}

/** Runs the laws that apply to a protocol. */
export function testConversation(name: string, contract: Contract): void {
  const origin = { protocol: contract.half.id, provider: "here" };
  const run: Run = { ...contract, target: { upstreamId: "", origin, dialect: contract.dialect, maxOutputTokens: 64_000 }, parsing: { origin, idSeed: "seed" } };
  describe(name, () => {
    describe("requests", () => testRequests(run));
    describe("answers", () => testAnswers(run));
    describe("frames", () => testFrames(run));
  });
}
