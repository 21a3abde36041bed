/** Reads Gemini's answers: a stream of answer objects, or one of them. https://ai.google.dev/api/generate-content */
import { collect, defined, parseExact, type ChatEvent, type ChatResponse, type Finish, type Place, type TokenLogprob } from "../../chat/index.ts";
import type { ParseContext, StreamParser } from "../protocol.ts";
import { citationsOf } from "./grounding.ts";
import { countsOutput, parseUsage, tierOf } from "./usage.ts";
import { finishOf, isObject, kindOf, objects, protocolId, textIn, type Json } from "./words.ts";

type Open = { kind: "text" | "reasoning"; signature?: string };
/** `said`: all texts so far, `from`: how much of that was said before the open one. */
type State = { at: number; open?: Open | undefined; calls: number; finish?: Finish; said: string; from: number };

class GeminiStream implements StreamParser {
  private started = false;
  private readonly choices: State[] = [];
  private readonly context: ParseContext;
  private calls = 0;
  private over = false;

  constructor(context: ParseContext) {
    this.context = context;
  }

  push({ data }: { data: string }): ChatEvent[] {
    try {
      return this.read(parseExact(data));
    } catch {
      return [];
    }
  }

  read(answer: unknown): ChatEvent[] {
    if (Array.isArray(answer)) return (answer as unknown[]).flatMap((one) => this.read(one));
    if (!isObject(answer) || this.over) return [];
    if (isObject(answer.error)) {
      this.over = true;
      return [errorEvent(answer.error)];
    }
    const events = this.start(answer);
    const { promptFeedback } = answer;
    const blocked = isObject(promptFeedback) ? textIn(promptFeedback.blockReason) : undefined;
    if (blocked) this.choice(0).finish = { unified: "content-filter", raw: blocked };
    objects(answer.candidates).forEach((candidate) => this.candidate(candidate, events));
    const usage = parseUsage(answer.usageMetadata);
    if (usage && (countsOutput(answer.usageMetadata) || this.choices.some(({ finish }) => finish))) events.push({ type: "usage", usage, ...defined({ serviceTier: tierOf(answer.usageMetadata) }) });
    return events;
  }

  /** Finishes are held back to here: some streams repeat them or go on behind them. */
  end(): ChatEvent[] {
    const events: ChatEvent[] = [];
    if (this.over) return events;
    this.choices.forEach((state, choice) => {
      this.close(state, choice, events);
      if (state.finish) events.push({ type: "finish", choice, finish: finishOf(state.finish.raw!, false).unified === "stop" && state.calls > 0 ? { ...state.finish, unified: "tool-calls" } : state.finish });
    });
    return events;
  }

  private start({ responseId, modelVersion, createTime, usageMetadata }: Json): ChatEvent[] {
    if (this.started) return [];
    this.started = true;
    const ms = typeof createTime === "string" ? Date.parse(createTime) : NaN;
    return [{ type: "start", ...defined({ id: textIn(responseId), model: textIn(modelVersion), createdAtS: Number.isNaN(ms) ? undefined : Math.floor(ms / 1000), usage: parseUsage(usageMetadata) }) }];
  }

  private choice(index: number): State {
    while (this.choices.length <= index) this.choices.push({ at: -1, calls: 0, said: "", from: 0 });
    return this.choices[index]!;
  }

  private candidate(candidate: Json, events: ChatEvent[]): void {
    const { index, content, finishReason, logprobsResult } = candidate;
    const choice = typeof index === "number" && index >= 0 && index < 128 ? index : 0;
    const state = this.choice(choice);
    if (isObject(content)) for (const part of objects(content.parts)) this.part(part, state, choice, events);
    const logprobs = logprobsOf(logprobsResult);
    const place = { at: state.at, choice };
    if (logprobs && state.open?.kind === "text") events.push({ type: "text-delta", ...place, text: "", logprobs });
    if (state.open?.kind === "text") for (const citation of citationsOf(candidate, state.said, state.from)) events.push({ type: "text-citation", ...place, citation });
    const raw = textIn(finishReason);
    if (raw && raw !== "FINISH_REASON_UNSPECIFIED" && !state.finish) state.finish = finishOf(raw, false);
  }

  private close(state: State, choice: number, events: ChatEvent[]): void {
    const { open, at } = state;
    if (open?.kind === "text") events.push({ type: "text-end", at, choice });
    if (open?.kind === "reasoning") events.push({ type: "reasoning-end", at, choice, ...defined({ signature: open.signature }) });
    state.open = undefined;
  }

  private next(state: State, choice: number, events: ChatEvent[]): Place {
    this.close(state, choice, events);
    state.at += 1;
    return { at: state.at, choice };
  }

  private part(part: Json, state: State, choice: number, events: ChatEvent[]): void {
    const { text, thought, functionCall, inlineData, fileData } = part;
    const signature = textIn(part.thoughtSignature);
    const { origin } = this.context;
    if (thought === true && typeof text === "string") {
      if (state.open?.kind !== "reasoning") {
        const place = this.next(state, choice, events);
        events.push({ type: "reasoning-start", ...place, origin });
        state.open = { kind: "reasoning" };
      }
      if (text) events.push({ type: "reasoning-delta", at: state.at, choice, text, paragraph: 0 });
      if (signature) state.open.signature = signature;
      return;
    }
    if (signature) {
      const place = this.next(state, choice, events);
      events.push({ type: "reasoning-start", ...place, origin }, { type: "reasoning-end", ...place, signature });
    }
    if (typeof text === "string") {
      if (!text) return;
      if (state.open?.kind !== "text") {
        events.push({ type: "text-start", ...this.next(state, choice, events) });
        state.open = { kind: "text" };
        state.from = state.said.length;
      }
      state.said += text;
      events.push({ type: "text-delta", at: state.at, choice, text });
      return;
    }
    if (isObject(functionCall)) {
      const place = this.next(state, choice, events);
      const id = textIn(functionCall.id) || `call_${this.context.idSeed}_${this.calls}`;
      this.calls += 1;
      state.calls += 1;
      events.push(
        { type: "tool-call-start", ...place, id, name: textIn(functionCall.name) ?? "" },
        { type: "tool-call-delta", ...place, input: JSON.stringify(functionCall.args ?? {}) },
        { type: "tool-call-end", ...place },
      );
      return;
    }
    const medium = isObject(inlineData) ? inlineData : isObject(fileData) ? fileData : undefined;
    if (medium) {
      const mediaType = textIn(medium.mimeType);
      const data = textIn(medium.data) === undefined ? { url: textIn(medium.fileUri) ?? "" } : { base64: textIn(medium.data)! };
      events.push({ type: "part", ...this.next(state, choice, events), part: { type: "file", kind: kindOf(mediaType), data, ...defined({ mediaType }) } });
      return;
    }
    const { thoughtSignature: _, ...value } = part;
    if (Object.keys(value).length > 0) events.push({ type: "part", ...this.next(state, choice, events), part: { type: "opaque", protocol: protocolId, value } });
  }
}

function errorEvent({ code, message, status }: Json): ChatEvent {
  const http = typeof code === "number" && code >= 400 && code < 600 ? code : 502;
  return { type: "error", error: { status: http, message: textIn(message) ?? "the provider failed", ...defined({ code: textIn(status) }) } };
}

function logprobsOf(value: unknown): TokenLogprob[] | undefined {
  if (!isObject(value)) return undefined;
  const tops = objects(value.topCandidates);
  const read = ({ token, logProbability }: Json) => ({ token: textIn(token) ?? "", logprob: typeof logProbability === "number" ? logProbability : 0 });
  const chosen = objects(value.chosenCandidates).map((one, i) => ({ ...read(one), top: objects(tops[i]?.candidates).map(read) }));
  return chosen.length > 0 ? chosen : undefined;
}

/** Reads a stream. */
export const parseStream = (context: ParseContext): StreamParser => new GeminiStream(context);

/** Reads a whole answer. */
export function parseResponse(body: unknown, context: ParseContext): ChatResponse {
  const stream = new GeminiStream(context);
  return collect([...stream.read(body), ...stream.end()]);
}
