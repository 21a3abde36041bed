/** Reads a stream of Messages. https://docs.anthropic.com/en/docs/build-with-claude/streaming */
import { defined, noUsage, type ChatEvent, type Place } from "../../chat/index.ts";
import { parseReportedCost } from "../openai-chat/usage.ts";
import { objectIn } from "../json.ts";
import type { ParseContext, StreamParser } from "../protocol.ts";
import { opaquePart } from "./parse-content.ts";
import { chatErrorOf } from "./parse-response.ts";
import { merge, nothingTold, partOf, readUsage, usageOf } from "./usage.ts";
import { citationOf, citationsOf, finishOf, isObject, record, tierOf, words, type Json } from "./words.ts";

/** The block that is being written. `json`: pieces of tool input so far. */
type Open = { index: unknown; block: Json; place: Place; json: string; signature: string };

/** The block that a delta belongs to where no `content_block_start` said it. */
const blockOfDelta: Readonly<Record<string, string>> = {
  text_delta: "text", citations_delta: "text", thinking_delta: "thinking", signature_delta: "thinking", input_json_delta: "tool_use",
};

/** Keeps the laws also where a look-alike leaves out starts and stops, or writes two blocks at once. */
export class MessagesStreamParser implements StreamParser {
  private told = nothingTold;
  private open: Open | undefined;
  private next = 0;
  private started = false;
  private finished = false;
  private over = false;
  private readonly context: ParseContext;

  constructor(context: ParseContext) {
    this.context = context;
  }

  push({ data }: { data: string }): ChatEvent[] {
    if (this.over) return [];
    const event = (objectIn(data) ?? {});
    if (event.type === "error" || isObject(event.error)) {
      this.over = true;
      return [{ type: "error", error: chatErrorOf(event.error) }];
    }
    const reader = Object.hasOwn(this.readers, String(event.type)) ? this.readers[String(event.type)] : undefined;
    if (reader === undefined) return [];
    return this.started || event.type === "message_start" ? reader(event) : [...this.start({}), ...reader(event)];
  }

  end(): ChatEvent[] {
    return this.over ? [] : this.close();
  }

  private readonly readers: Readonly<Record<string, (event: Json) => ChatEvent[]>> = {
    message_start: ({ message }) => this.start(record(message)),
    content_block_start: ({ index, content_block: block }) => (isObject(block) && !this.finished ? this.begin(index, block) : []),
    content_block_delta: ({ index, delta }) => (isObject(delta) && !this.finished ? this.goOn(index, delta) : []),
    content_block_stop: ({ index }) => (this.open?.index === index ? this.close() : []),
    message_delta: (event) => [...this.finish(record(event.delta)), ...this.use(event.usage)],
    message_stop: (event) => {
      const events = [...this.close(), ...this.use(event.usage), { type: "end" } as const];
      this.over = true;
      return events;
    },
  };

  private start({ id, model, usage }: Json): ChatEvent[] {
    if (this.started) return [];
    this.started = true;
    // The output told here is what was there when it was sent: a token or none.
    this.told = merge(this.told, { ...readUsage(usage), output: undefined });
    const part = partOf(this.told);
    const known = part.inputTokens === undefined ? undefined : { ...noUsage, ...part };
    return [{ type: "start", ...defined({ id: words(id), model: words(model), serviceTier: tierOf(record(usage).service_tier), usage: known }) }];
  }

  private begin(index: unknown, block: Json): ChatEvent[] {
    const closing = this.close();
    const place = { at: this.next, choice: 0 };
    this.next += 1;
    this.open = { index, block, place, json: "", signature: words(block.signature) ?? "" };
    return [...closing, ...begins(block, place, this.context)];
  }

  private goOn(index: unknown, delta: Json): ChatEvent[] {
    const type = String(delta.type);
    const began = this.open?.index === index ? [] : blockOfDelta[type] ? this.begin(index, { type: blockOfDelta[type] }) : undefined;
    if (began === undefined || this.open === undefined) return [];
    const { open } = this;
    const at = open.place;
    if (type === "text_delta" && open.block.type === "text") return [...began, { type: "text-delta", ...at, text: words(delta.text) ?? "" }];
    if (type === "citations_delta" && open.block.type === "text") return [...began, { type: "text-citation", ...at, citation: citationOf(delta.citation) }];
    if (type === "thinking_delta" && open.block.type === "thinking") return [...began, { type: "reasoning-delta", ...at, text: words(delta.thinking) ?? "", paragraph: 0 }];
    if (type === "signature_delta") open.signature = words(delta.signature) ?? open.signature;
    else if (type === "input_json_delta") {
      const input = words(delta.partial_json);
      if (input === undefined) return began;
      open.json += input;
      if (open.block.type === "tool_use") return [...began, { type: "tool-call-delta", ...at, input }];
    } else if (!(type in blockOfDelta)) open.block = { ...open.block, ...delta, type: open.block.type };
    return began;
  }

  private close(): ChatEvent[] {
    if (this.open === undefined) return [];
    const { block, place, json, signature } = this.open;
    this.open = undefined;
    const end = ends[String(block.type)];
    if (end) return end(block, place, json, signature);
    return [{ type: "part", ...place, part: opaquePart(json ? { ...block, input: objectIn(json) ?? {} } : block) }];
  }

  private finish({ stop_reason: reason, stop_sequence: sequence }: Json): ChatEvent[] {
    if (this.finished || words(reason) === undefined) return [];
    this.finished = true;
    return [...this.close(), { type: "finish", choice: 0, finish: finishOf(reason, sequence) }];
  }

  private use(value: unknown): ChatEvent[] {
    if (!isObject(value)) return [];
    this.told = merge(this.told, readUsage(value));
    const usage = usageOf(this.told);
    return usage ? [{ type: "usage", usage, ...defined({ serviceTier: tierOf(value.service_tier), reportedNanoUsd: parseReportedCost(value) }) }] : [];
  }
}

/** Events that a block begins with; of one that comes whole, none. */
function begins(block: Json, place: Place, { origin, idSeed }: ParseContext): ChatEvent[] {
  const { type, text, thinking, id, name } = block;
  if (type === "text") {
    const said = words(text);
    return [
      { type: "text-start", ...place },
      ...(said === undefined ? [] : [{ type: "text-delta", ...place, text: said } as const]),
      ...citationsOf(block).map((citation) => ({ type: "text-citation", ...place, citation }) as const),
    ];
  }
  if (type === "thinking") {
    const thought = words(thinking);
    return [{ type: "reasoning-start", ...place, origin }, ...(thought === undefined ? [] : [{ type: "reasoning-delta", ...place, text: thought, paragraph: 0 } as const])];
  }
  if (type === "redacted_thinking") return [{ type: "reasoning-start", ...place, origin }];
  if (type === "tool_use") return [{ type: "tool-call-start", ...place, id: words(id) ?? `toolu_${idSeed}${place.at}`, name: words(name) ?? "" }];
  return [];
}

/** Events that a block ends with. A look-alike may send a tool's input whole, with its start. */
const ends: Readonly<Record<string, (block: Json, place: Place, json: string, signature: string) => ChatEvent[]>> = {
  text: (_, place) => [{ type: "text-end", ...place }],
  thinking: (_, place, __, signature) => [{ type: "reasoning-end", ...place, ...(signature && { signature }) }],
  redacted_thinking: ({ data }, place) => [{ type: "reasoning-end", ...place, encrypted: words(data) ?? "" }],
  tool_use: ({ input }, place, json) => [
    ...(json ? [] : [{ type: "tool-call-delta", ...place, input: JSON.stringify(input ?? {}) } as const]),
    { type: "tool-call-end", ...place },
  ],
};
