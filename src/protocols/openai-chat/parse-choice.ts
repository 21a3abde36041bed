/** One answer of a chat completion stream, delta by delta. */
import { defined, type ChatEvent, type Citation, type FilePart, type Finish, type OpaquePart } from "../../chat/index.ts";
import type { ParseContext } from "../protocol.ts";
import { parseUrl } from "./data-url.ts";
import { parseAnnotation, parseLogprobs, parseSources } from "./parse-extras.ts";
import { parseDetail, withFormat, type Detail } from "./reasoning.ts";
import { CallIndex, isWhole, type Call } from "./tool-calls.ts";
import { list, record } from "../json.ts";
import { parseFinish, protocolId } from "./words.ts";

type Open =
  | { type: "text"; refusal: boolean }
  | { type: "reasoning"; key: string; text: string; signature?: string; encrypted?: string }
  | { type: "tool-call"; call: Call };

type TextDelta = Extract<ChatEvent, { type: "text-delta" }>;

const plainKey = "plain";

export class ChoiceReader {
  private readonly choice: number;
  private readonly context: ParseContext;
  private readonly emit: (event: ChatEvent) => void;
  private readonly calls: CallIndex;
  private at = -1;
  private open: Open | undefined;
  /** What came while a tool call was incomplete: calls may be interleaved, parts may not. */
  private held: (() => void)[] = [];
  private annotations: Citation[] = [];
  private sources: Citation[] = [];
  private audio: { id?: string; data: string; transcript: string } | undefined;
  private ended: Finish | undefined;
  private finished = false;

  constructor(choice: number, context: ParseContext, emit: (event: ChatEvent) => void) {
    this.choice = choice;
    this.context = context;
    this.emit = emit;
    this.calls = new CallIndex(`${context.idSeed}${choice === 0 ? "" : `c${choice}`}`);
  }

  /** Reads what an entry of `choices` says now; `chunk` is where Perplexity names its sources. */
  read(choice: Record<string, unknown>, delta: Record<string, unknown>, chunk: Record<string, unknown>): void {
    if (this.finished) return;
    const logprobs = record(choice.logprobs);
    if (this.choice === 0) this.sources = parseSources(chunk) ?? this.sources;
    // Before the words: in a whole message what stands behind a text ends it.
    this.annotate(list(delta.annotations).flatMap(parseAnnotation));
    this.reason(delta);
    this.content(delta.content ?? choice.text, parseLogprobs(logprobs.content));
    this.say(delta.refusal, true, parseLogprobs(logprobs.refusal));
    for (const image of list(delta.images)) this.image(image);
    list(delta.tool_calls).forEach((entry, position) => this.call(record(entry), position));
    if (delta.function_call) this.call({ function: delta.function_call, legacy: true }, 0);
    if (delta.audio) this.hear(record(delta.audio));
    if (typeof choice.finish_reason === "string" && choice.finish_reason !== "") this.ended = parseFinish(choice.finish_reason, this.calls.any);
  }

  /** Ends what is open and lets out what was held back. */
  close(): void {
    if (this.finished) return;
    while (this.open || this.held.length > 0) this.endPart();
    if (this.annotations.length > 0) {
      this.begin({ type: "text", refusal: false }, { type: "text-start" });
      this.endPart();
    }
    const { audio } = this;
    this.audio = undefined;
    if (audio) this.part({ type: "file", kind: "audio", data: { base64: audio.data }, ...defined({ id: audio.id, transcript: audio.transcript || undefined }) });
  }

  /**
   * Hands out the finish, where one was said. It waits for the end because some look-alikes go on talking behind it. `hasEnded`:
   * the protocol's own end was there, and some forget to say why.
   */
  finish(hasEnded = false): void {
    if (this.finished) return;
    this.close();
    if (hasEnded) this.ended ??= { unified: this.calls.any ? "tool-calls" : "other" };
    if (!this.ended) return;
    this.finished = true;
    this.emit({ type: "finish", choice: this.choice, finish: this.ended });
  }

  private get place(): { at: number; choice: number } {
    return { at: this.at, choice: this.choice };
  }

  private reason(delta: Record<string, unknown>): void {
    const details = list(delta.reasoning_details).map(parseDetail);
    const plain = [delta.reasoning_content, delta.reasoning].find((text) => typeof text === "string" && text !== "") as string | undefined;
    if (plain !== undefined && !details.some(({ text, summary }) => text ?? summary)) this.think(plain, { type: "reasoning.text" }, plainKey);
    for (const detail of details) this.think(detail.text ?? detail.summary ?? "", detail, `${detail.data === undefined ? detail.type : "reasoning.encrypted"}:${detail.index ?? ""}`);
  }

  private think(text: string, detail: Detail, key: string): void {
    if (this.isHeld(() => this.think(text, detail, key))) return;
    if (text === "" && detail.signature === undefined && detail.data === undefined) return;
    if (this.open?.type === "reasoning" && this.open.key === plainKey && this.open.text === text && (detail.signature ?? detail.data)) return this.vouch(this.open, detail);
    if (this.open?.type !== "reasoning" || this.open.key !== key) {
      const summarised = detail.type === "reasoning.summary" || undefined;
      this.begin({ type: "reasoning", key, text: "" }, { type: "reasoning-start", origin: this.context.origin, ...defined({ id: detail.id, summarised }) });
    }
    const open = this.open as Extract<Open, { type: "reasoning" }>;
    open.text += text;
    if (text !== "") this.emit({ type: "reasoning-delta", text, paragraph: 0, ...this.place });
    this.vouch(open, detail);
  }

  /** Signature and ciphertext of a block; some say its text again with them, whole. */
  private vouch(open: Extract<Open, { type: "reasoning" }>, { signature, data, format }: Detail): void {
    if (signature !== undefined) open.signature = withFormat(signature, format)!;
    if (data !== undefined) open.encrypted = withFormat(data, format)!;
  }

  /** Content is a string, or Mistral's list of texts and thoughts. */
  private content(content: unknown, logprobs: TextDelta["logprobs"]): void {
    if (!Array.isArray(content)) return this.say(content, false, logprobs);
    for (const entry of content) {
      const part = record(entry);
      if (part.type === "text") this.say(part.text, false, undefined);
      else if (part.type === "thinking") this.thoughts(part.thinking);
      else if (part.type === "image_url") this.image(part);
      else if (typeof part.type === "string") this.part({ type: "opaque", protocol: protocolId, value: entry });
    }
  }

  private annotate(citations: Citation[]): void {
    if (citations.length === 0 || this.isHeld(() => this.annotate(citations))) return;
    this.annotations.push(...citations);
  }

  private thoughts(thinking: unknown): void {
    const texts = typeof thinking === "string" ? [thinking] : list(thinking).map((part) => record(part).text);
    for (const text of texts) if (typeof text === "string") this.think(text, { type: "reasoning.text" }, plainKey);
  }

  private say(text: unknown, refusal: boolean, logprobs: TextDelta["logprobs"]): void {
    if (typeof text !== "string" || (text === "" && !logprobs)) return;
    if (this.isHeld(() => this.say(text, refusal, logprobs))) return;
    if (this.open?.type !== "text" || this.open.refusal !== refusal) this.begin({ type: "text", refusal }, { type: "text-start", ...(refusal && { refusal }) });
    this.emit({ type: "text-delta", text, ...defined({ logprobs }), ...this.place });
  }

  private call(entry: Record<string, unknown>, position: number): void {
    const { call, input, signature } = this.calls.read(entry, position);
    if (call) this.feed(call, input, signature);
  }

  private feed(call: Call, input: string, signature: string | undefined): void {
    const { open } = this;
    if (open?.type === "tool-call" && open.call === call) {
      this.write(call, input);
      if (this.held.length > 0 && isWhole(call)) this.endPart();
      return;
    }
    if (call.ended || this.isHeld(() => this.feed(call, input, signature))) return;
    if (signature !== undefined) {
      this.begin({ type: "reasoning", key: "signature", text: "", signature }, { type: "reasoning-start", origin: this.context.origin });
    }
    const { id, name, custom } = call;
    this.begin({ type: "tool-call", call }, { type: "tool-call-start", id, name, ...(custom && { custom }) });
    this.write(call, input);
  }

  private write(call: Call, input: string): void {
    call.input += input;
    if (input !== "") this.emit({ type: "tool-call-delta", input, ...this.place });
  }

  private image(value: unknown): void {
    const { image_url: image } = record(value);
    const url = typeof image === "string" ? image : record(image).url;
    if (typeof url === "string") this.part({ type: "file", kind: "image", ...parseUrl(url) });
  }

  private part(part: FilePart | OpaquePart): void {
    if (this.isHeld(() => this.part(part))) return;
    if (this.open) this.endPart();
    this.at += 1;
    this.emit({ type: "part", part, ...this.place });
  }

  private hear({ id, data, transcript }: Record<string, unknown>): void {
    this.audio ??= { data: "", transcript: "" };
    if (typeof id === "string") this.audio.id = id;
    if (typeof data === "string") this.audio.data += data;
    if (typeof transcript === "string") this.audio.transcript += transcript;
  }

  /** True: something must wait until the open tool call is whole. */
  private isHeld(again: () => void): boolean {
    if (this.open?.type !== "tool-call" || isWhole(this.open.call)) return false;
    this.held.push(again);
    return true;
  }

  private begin(open: Open, event: StartOf<ChatEvent>): void {
    if (this.open) this.endPart();
    this.at += 1;
    this.open = open;
    this.emit({ ...event, ...this.place } as ChatEvent);
  }

  private endPart(): void {
    const { open, held } = this;
    this.open = undefined;
    this.held = [];
    if (open?.type === "reasoning") this.emit({ type: "reasoning-end", ...defined({ signature: open.signature, encrypted: open.encrypted }), ...this.place });
    if (open?.type === "text") this.endText(open.refusal);
    if (open?.type === "tool-call") {
      open.call.ended = true;
      if (open.call.input === "" && !open.call.custom) this.emit({ type: "tool-call-delta", input: "{}", ...this.place });
      this.emit({ type: "tool-call-end", ...this.place });
    }
    for (const again of held) again();
  }

  private endText(refusal: boolean): void {
    const citations = refusal ? [] : [...this.annotations, ...this.sources];
    for (const citation of citations) this.emit({ type: "text-citation", citation, ...this.place });
    if (!refusal) {
      this.annotations = [];
      this.sources = [];
    }
    this.emit({ type: "text-end", ...this.place });
  }
}

type StartOf<E> = E extends { at: number } ? Omit<E, "at" | "choice"> : never;
