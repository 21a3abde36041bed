/** Reads Converse's answers: a stream, and a whole one as the stream that it could have been. */
import { collect, defined, type ChatEvent, type ChatResponse, type Place } from "../../chat/index.ts";
import { objectIn } from "../json.ts";
import type { ParseContext, StreamParser } from "../protocol.ts";
import { Making, mediumIn } from "./files.ts";
import { errorOf, finishOf, isObject, parseUsage, protocol, record, words, type Json } from "./words.ts";

type Open = { place: Place; index: unknown; kind: "text" | "reasoning" | "tool-call"; signature: string; encrypted: string | undefined; hasInput: boolean };

/** What kind of block a delta or a whole block belongs to. */
const kindOf = (block: Json): Open["kind"] | undefined =>
  "text" in block ? "text" : "reasoningContent" in block ? "reasoning" : "toolUse" in block ? "tool-call" : undefined;

/** Frames are named by their event type; a block of text or reasoning begins with its first delta. */
export class ConverseStreamParser implements StreamParser {
  private open: Open | undefined;
  /** A picture or a recording that is coming, in a block of its own. */
  private making: Making | undefined;
  private next = 0;
  private started = false;
  private over = false;
  private readonly context: ParseContext;

  constructor(context: ParseContext) {
    this.context = context;
  }

  push({ event = "", data }: { event?: string; data: string }): ChatEvent[] {
    if (this.over) return [];
    const body = (objectIn(data) ?? {});
    if (/exception$/i.test(event)) {
      this.over = true;
      return [{ type: "error", error: errorOf(event, body.message) }];
    }
    return Object.hasOwn(this.readers, event) ? [...this.start(), ...this.readers[event]!(body)] : [];
  }

  end(): ChatEvent[] {
    return this.over ? [] : this.close();
  }

  private readonly readers: Readonly<Record<string, (body: Json) => ChatEvent[]>> = {
    messageStart: () => [],
    contentBlockStart: ({ contentBlockIndex, start }) => this.begin(contentBlockIndex, record(start)),
    contentBlockDelta: ({ contentBlockIndex, delta }) => this.goOn(contentBlockIndex, record(delta)),
    contentBlockStop: () => this.close(),
    messageStop: ({ stopReason }) => [...this.close(), { type: "finish", choice: 0, finish: finishOf(words(stopReason) ?? "") }],
    metadata: ({ usage, serviceTier }) => {
      const told = parseUsage(usage);
      return told ? [{ type: "usage", usage: told, ...defined({ serviceTier: words(record(serviceTier).type) }) }] : [];
    },
  };

  private start(): ChatEvent[] {
    if (this.started) return [];
    this.started = true;
    return [{ type: "start" }];
  }

  private begin(index: unknown, block: Json): ChatEvent[] {
    const kind = kindOf(block);
    if (kind === undefined) return this.make(block);
    const place = { at: this.next, choice: 0 };
    const closing = this.close();
    this.next += 1;
    this.open = { place, index, kind, signature: "", encrypted: undefined, hasInput: false };
    const { origin, idSeed } = this.context;
    const tool = record(block.toolUse);
    const began: Record<Open["kind"], ChatEvent> = {
      text: { type: "text-start", ...place },
      reasoning: { type: "reasoning-start", ...place, origin },
      "tool-call": { type: "tool-call-start", ...place, id: words(tool.toolUseId) ?? `tooluse_${idSeed}${place.at}`, name: words(tool.name) ?? "" },
    };
    return [...closing, began[kind]];
  }

  private goOn(index: unknown, delta: Json): ChatEvent[] {
    const kind = kindOf(delta);
    if (mediumIn(delta)) return this.make(delta);
    if (kind === undefined) return delta.citation === undefined || this.open?.kind !== "text" ? [] : [citation(this.open.place, delta.citation)];
    const began = this.open?.kind === kind && this.open.index === index ? [] : this.begin(index, delta);
    const { place } = this.open!;
    if (kind === "text") return [...began, { type: "text-delta", ...place, text: words(delta.text) ?? "" }];
    if (kind === "tool-call") return [...began, ...this.input(place, words(record(delta.toolUse).input) ?? "")];
    const { text, signature, redactedContent } = record(delta.reasoningContent);
    this.open!.signature += words(signature) ?? "";
    if (words(redactedContent) !== undefined) this.open!.encrypted = (this.open!.encrypted ?? "") + words(redactedContent)!;
    return words(text) === undefined ? began : [...began, { type: "reasoning-delta", ...place, text: words(text)!, paragraph: 0 }];
  }

  /** It comes whole when its block ends. */
  private make(block: Json): ChatEvent[] {
    const medium = mediumIn(block);
    if (medium === undefined) return [];
    const closing = this.making ? [] : this.close();
    this.making ??= new Making(medium);
    this.making.add(block);
    return closing;
  }

  private input(place: Place, input: string): ChatEvent[] {
    if (input === "") return [];
    this.open!.hasInput = true;
    return [{ type: "tool-call-delta", ...place, input }];
  }

  /** A call without an input has an empty one. */
  private close(): ChatEvent[] {
    const part = this.making?.part;
    this.making = undefined;
    if (part) return [{ type: "part", at: this.next++, choice: 0, part }];
    if (this.open === undefined) return [];
    const { kind, place, signature, encrypted, hasInput } = this.open;
    this.open = undefined;
    if (kind === "tool-call" && !hasInput) return [{ type: "tool-call-delta", ...place, input: "{}" }, { type: "tool-call-end", ...place }];
    if (kind === "reasoning") return [{ type: "reasoning-end", ...place, ...(signature && { signature }), ...defined({ encrypted }) }];
    return [{ type: kind === "text" ? "text-end" : "tool-call-end", ...place }];
  }
}

/** A citation of a document, whose words stand in its `sourceContent`. */
function citation(place: Place, value: unknown): ChatEvent {
  const { title, location } = record(value);
  const url = words(record(record(location).web).url);
  return { type: "text-citation", ...place, citation: { ...defined({ title: words(title), url }), raw: { protocol, value } } };
}

/** The deltas that a whole block could have come as. */
function deltasOf(block: Json): Json[] {
  if (isObject(block.toolUse)) return [{ toolUse: { input: JSON.stringify(block.toolUse.input ?? {}) } }];
  if (isObject(block.citationsContent)) {
    const { content, citations } = block.citationsContent;
    return [...(Array.isArray(content) ? content.map((one) => ({ text: words(record(one).text) ?? "" })) : []), ...(Array.isArray(citations) ? citations.map((one) => ({ citation: one as unknown })) : [])];
  }
  if (!isObject(block.reasoningContent)) return [block];
  const { reasoningText, redactedContent } = block.reasoningContent;
  const { text, signature } = record(reasoningText);
  return [{ reasoningContent: defined({ text, signature, redactedContent }) }];
}

/** Reads a whole answer. */
export function parseResponse(body: unknown, context: ParseContext): ChatResponse {
  const { output, stopReason, usage, serviceTier } = record(body);
  const { content } = record(record(output).message);
  const blocks: unknown[] = Array.isArray(content) ? content : [];
  if (!isObject(output) && blocks.length === 0) return { choices: [] };
  const parser = new ConverseStreamParser(context);
  const push = (event: string, data: object): ChatEvent[] => parser.push({ event, data: JSON.stringify(data) });
  const events = blocks.map(record).flatMap((block, contentBlockIndex) => [
    ...("toolUse" in block ? push("contentBlockStart", { contentBlockIndex, start: block }) : []),
    ...deltasOf(block).flatMap((delta) => push("contentBlockDelta", { contentBlockIndex, delta })),
    ...push("contentBlockStop", { contentBlockIndex }),
  ]);
  return collect([...push("messageStart", {}), ...events, ...push("messageStop", { stopReason }), ...push("metadata", { usage, serviceTier })]);
}
