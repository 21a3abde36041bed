/** The client half of generateContent: answers as Google writes them. https://ai.google.dev/api/generate-content */
import { defined, eventsOf, fold, parseExact, textOf, type ChatEvent, type ChatResponse, type Choice, type Loss, type Part, type TokenLogprob, type Usage } from "../../chat/index.ts";
import type { GatewayError } from "../../errors.ts";
import type { ClientHalf, RenderContext, StreamRenderer } from "../protocol.ts";
import { renderCost } from "../render-cost.ts";
import { renderError } from "./error.ts";
import { groundingOf } from "./grounding.ts";
import { parseRequest } from "./parse-request.ts";
import { finishWords, isObject, protocolId, sealBase64, type Json } from "./words.ts";

function argsOf(input: string, custom: boolean | undefined): unknown {
  if (custom) return { input };
  try {
    const value = parseExact(input || "{}");
    return isObject(value) ? value : { input };
  } catch {
    return { input };
  }
}

function renderPart(part: Part): Json | undefined {
  if (part.type === "text") return { text: part.text };
  if (part.type === "tool-call") return { functionCall: { id: part.id, name: part.name, args: argsOf(part.input, part.custom) } };
  if (part.type === "file" && "base64" in part.data) return { inlineData: { mimeType: part.mediaType ?? "application/octet-stream", data: part.data.base64 } };
  if (part.type === "file" && "url" in part.data) return { fileData: { fileUri: part.data.url, ...(part.mediaType && { mimeType: part.mediaType }) } };
  return part.type === "opaque" && part.protocol === protocolId && isObject(part.value) ? part.value : undefined;
}

/** A count by modality, where not all of it is text. */
function modalities(field: string, all: number, audio: number, image: number): Json {
  const counts = [["TEXT", all - audio - image], ["AUDIO", audio], ["IMAGE", image]] as const;
  return audio + image > 0 ? { [field]: counts.flatMap(([modality, tokenCount]) => (tokenCount > 0 ? [{ modality, tokenCount }] : [])) } : {};
}

/** Thoughts stand beside the candidates; some providers count more of them than of the whole output. */
function usageOf({ inputTokens, outputTokens, reasoningTokens, cachedTokens, inputAudioTokens, outputAudioTokens, inputImageTokens, outputImageTokens }: Usage): Json {
  const thoughtsTokenCount = Math.min(reasoningTokens, outputTokens);
  const candidatesTokenCount = outputTokens - thoughtsTokenCount;
  return {
    promptTokenCount: inputTokens,
    candidatesTokenCount,
    totalTokenCount: inputTokens + outputTokens,
    ...(thoughtsTokenCount > 0 && { thoughtsTokenCount }),
    ...(cachedTokens > 0 && { cachedContentTokenCount: cachedTokens }),
    ...modalities("promptTokensDetails", inputTokens, inputAudioTokens, inputImageTokens),
    ...modalities("candidatesTokensDetails", candidatesTokenCount, outputAudioTokens, outputImageTokens),
  };
}

/** What beside a text is not told. */
function unsaidOf(event: ChatEvent): Loss | undefined {
  if (event.type === "text-start" && event.refusal) return "refusal";
  return event.type === "text-citation" && event.citation.url === undefined ? "citations" : undefined;
}

/** `tokens`: how likely those of the part were. */
type Written = { choice: number; parts: Json[]; tokens?: readonly TokenLogprob[] };

/** Makes wire parts of a choice's events; texts and thoughts at once, everything else whole. */
class GeminiWriter {
  readonly response: ChatResponse = { choices: [] };
  readonly losses = new Set<Loss>();
  private readonly signatures = new Map<number, string>();

  /** The wire parts that an event completes, and their choice. */
  write(event: ChatEvent): Written {
    fold(this.response, event);
    const loss = unsaidOf(event);
    if (loss) this.losses.add(loss);
    if (event.type === "text-delta") return { choice: event.choice, parts: event.text ? [this.signed(event.choice, { text: event.text })] : [], ...defined({ tokens: event.logprobs }) };
    if (event.type === "reasoning-delta") {
      const text = event.paragraph > 0 && this.thought(event).texts[event.paragraph] === event.text ? `\n\n${event.text}` : event.text;
      return { choice: event.choice, parts: text ? [...this.left(event.choice), { text, thought: true }] : [] };
    }
    if (event.type === "reasoning-end") return { choice: event.choice, parts: this.endThought(event) };
    if (event.type === "tool-call-end" || event.type === "part") {
      const part = renderPart(this.response.choices[event.choice]!.parts[event.at]!);
      if (!part) this.losses.add("provider_content");
      return { choice: event.choice, parts: part ? [this.signed(event.choice, part)] : [] };
    }
    return { choice: 0, parts: [] };
  }

  /** A signature to which no part came. */
  left(choice: number): Json[] {
    return this.signatures.has(choice) ? [this.signed(choice, { text: "" })] : [];
  }

  private thought({ at, choice }: { at: number; choice: number }) {
    return this.response.choices[choice]!.parts[at] as Extract<Part, { type: "reasoning" }>;
  }

  private endThought(event: { at: number; choice: number }): Json[] {
    const part = this.thought(event);
    const { signature, encrypted, origin } = part;
    if (origin.protocol === protocolId && signature === undefined && encrypted === undefined) return [];
    const sealed = sealBase64(part);
    const before = this.left(event.choice);
    if (textOf(part) || signature === undefined) return [...before, { text: "", thought: true, thoughtSignature: sealed }];
    this.signatures.set(event.choice, sealed);
    return before;
  }

  private signed(choice: number, part: Json): Json {
    const thoughtSignature = this.signatures.get(choice);
    this.signatures.delete(choice);
    return thoughtSignature ? { ...part, thoughtSignature } : part;
  }
}

function joined(parts: Json[]): Json[] {
  const whole: Json[] = [];
  for (const part of parts) {
    const last = whole.at(-1);
    if (last && part.thought && last.thought && !last.thoughtSignature) Object.assign(last, { ...part, text: `${last.text as string}${part.text as string}` });
    else whole.push({ ...part });
  }
  return whole;
}

const head = ({ id, model }: ChatResponse, { request, requestId }: RenderContext): Json => ({ modelVersion: model ?? request.model, responseId: id ?? requestId });
/** Without a part Google's own chats throw the whole turn away. */
const candidateOf = (index: number, parts: Json[], tokens: readonly TokenLogprob[] = [], end?: Choice): Json => ({
  content: { parts: parts.length > 0 ? parts : [{ text: "" }], role: "model" }, ...(end && endOf(end)), index, ...(tokens.length > 0 && { logprobsResult: logprobsOf(tokens) }),
});

function endOf({ parts, finish }: Choice): Json {
  const groundingMetadata = groundingOf(parts.filter((part) => part.type === "text"));
  return { finishReason: finishWords[finish.unified], ...defined({ groundingMetadata }) };
}

const tokenOf = ({ token, logprob }: { token: string; logprob: number }): Json => ({ token, logProbability: logprob });
const logprobsOf = (tokens: readonly TokenLogprob[]): Json => ({ topCandidates: tokens.map(({ top = [] }) => ({ candidates: top.map(tokenOf) })), chosenCandidates: tokens.map(tokenOf) });

function renderResponse(response: ChatResponse, context: RenderContext): { body: string; losses: Loss[] } {
  const writer = new GeminiWriter();
  const written = response.choices.map((): Json[] => []);
  const measured = response.choices.map((): TokenLogprob[] => []);
  for (const event of eventsOf(response)) {
    const { choice, parts, tokens = [] } = writer.write(event);
    written[choice]?.push(...parts);
    measured[choice]?.push(...tokens);
  }
  const candidates = response.choices.map((choice, index) => candidateOf(index, joined([...written[index]!, ...writer.left(index)]), measured[index], choice));
  const body = { candidates, ...(response.usage && { usageMetadata: { ...usageOf(response.usage), ...renderCost(context) } }), ...head(response, context) };
  return { body: JSON.stringify(body), losses: [...writer.losses] };
}

class GeminiStreamRenderer implements StreamRenderer {
  private readonly writer = new GeminiWriter();
  private readonly context: RenderContext;
  private readonly events: boolean;
  private first = true;

  constructor(context: RenderContext, events: boolean) {
    this.context = context;
    this.events = events;
  }

  push(event: ChatEvent): string {
    const { choice, parts, tokens } = this.writer.write(event);
    return parts.length > 0 || tokens ? this.chunk({ candidates: [candidateOf(choice, parts, tokens)] }) : "";
  }

  end(): string {
    const { response } = this.writer;
    const candidates = response.choices.map((choice, index) => candidateOf(index, this.writer.left(index), undefined, choice));
    const last = this.chunk({ candidates, ...(response.usage && { usageMetadata: { ...usageOf(response.usage), ...renderCost(this.context) } }) });
    return this.events ? last : `${last}]`;
  }

  fail(error: GatewayError): string {
    const text = this.frame(renderError(error, this.context.requestId));
    return this.events ? text : `${text}]`;
  }

  private chunk(fields: Json): string {
    return this.frame(JSON.stringify({ ...fields, ...head(this.writer.response, this.context) }));
  }

  private frame(json: string): string {
    const before = this.first ? "[" : ",\r\n";
    this.first = false;
    return this.events ? `data: ${json}\r\n\r\n` : before + json;
  }
}

/** The client half for one request; `events`: its stream comes as server-sent events, else as one JSON array. */
export const geminiConversation = (model: string, stream: boolean, events: boolean): ClientHalf => ({
  parseRequest: (body) => parseRequest(body, model, stream),
  renderResponse,
  renderStream: (context) => new GeminiStreamRenderer(context, events),
  streamType: events ? "text/event-stream; charset=utf-8" : "application/json",
});
