/** Writes turns as messages. https://platform.openai.com/docs/api-reference/chat/create */
import { isFrom, type FilePart, type Loss, type OpaquePart, type Part, type ReasoningPart, type TextPart, type ToolCallPart, type ToolResultPart, type Turn } from "../../chat/index.ts";
import { lastMarked, renderBreakpoint, takesBreakpoints } from "../openai-breakpoints.ts";
import type { Target } from "../protocol.ts";
import { renderBack } from "./reasoning.ts";
import { renderFilePart, type FileContext } from "./render-files.ts";
import { renderCall, signsOnly } from "./render-response.ts";
import { protocolId } from "./words.ts";

type Json = Record<string, unknown>;
type ContentPart = TextPart | FilePart | OpaquePart;

/** Between texts that become one: blocks of a prompt are paragraphs, an answer's are not. */
const paragraph = "\n\n";

const isResult = (part: Part): part is ToolResultPart => part.type === "tool-result";
const isContent = (part: Part): part is ContentPart => part.type === "text" || part.type === "file" || part.type === "opaque";
const isSaid = (part: Part): part is TextPart => part.type === "text" && !part.refusal;

export class TurnRenderer {
  private readonly target: Target;
  private readonly lose: (loss: Loss) => void;
  private readonly own: boolean;
  private readonly breaks: boolean;
  private readonly developer: "developer" | "system";
  private readonly messages: Json[] = [];
  /** Pictures of tool results: a `tool` message holds only text, and nothing may come between it and the next result. */
  private media: FilePart[] = [];

  constructor(turns: readonly Turn[], target: Target, own: boolean, lose: (loss: Loss) => void) {
    this.target = target;
    this.lose = lose;
    this.own = own;
    this.breaks = takesBreakpoints(target);
    this.developer = target.dialect.developerRole ? "developer" : "system";
    const says = (role: Turn["role"]): boolean => turns.some((turn) => turn.role === role);
    if (this.developer === "system" && says("developer") && says("system")) lose("developer_role");
    if (turns.at(-1)?.role === "assistant" && !own && !target.prefill) lose("assistant_prefill");
  }

  render(turns: readonly Turn[]): Json[] {
    for (const turn of turns) this.turn(turn);
    this.flush();
    return this.messages;
  }

  private turn({ role, parts, name }: Turn): void {
    const who = name === undefined ? {} : { name };
    if (role === "assistant") {
      this.flush();
      this.messages.push({ ...this.assistant(parts), ...who });
      return;
    }
    for (const part of parts.filter(isResult)) this.result(part);
    const said = parts.filter(isContent);
    if (said.length === 0 && parts.length > 0) return;
    if (role === "user" || role === "tool") {
      const content = this.content([...this.media.splice(0), ...said]);
      this.messages.push({ role: "user", content, ...who });
      return;
    }
    this.flush();
    this.messages.push({ role: role === "developer" ? this.developer : "system", content: this.content(said), ...who });
  }

  /** What tools gave beside text, before somebody else speaks. */
  private flush(): void {
    const media = this.media.splice(0);
    if (media.length > 0) this.messages.push({ role: "user", content: this.content(media) });
  }

  private result({ id, content, isError, cache }: ToolResultPart): void {
    if (isError) this.lose("tool_result_error");
    const media = content.filter((part) => part.type === "file");
    const inline = media.filter((part) => "text" in part.data);
    const pictures = this.own ? [] : media.filter((part) => !inline.includes(part));
    if (pictures.length > 0) this.lose("tool_result_media");
    this.media.push(...pictures);
    const kept = content.filter((part) => part.type !== "file" || !pictures.includes(part));
    const untold = isError && !kept.some((part) => part.type === "text" && /error/i.test(part.text));
    const rest: typeof kept = untold ? [{ type: "text", text: "Error:" }, ...kept] : kept;
    const marked = lastMarked(rest, this.breaks ? cache : undefined);
    if (cache && (!this.breaks || !marked)) this.lose("cache_breakpoint");
    this.messages.push({ role: "tool", tool_call_id: id, content: this.content(marked ?? rest) });
  }

  /** A plain string where all is text, because many look-alikes insist on that; a client that wrote a list itself meant it. */
  private content(parts: readonly ContentPart[]): unknown {
    const written = parts.map((part) => this.part(part)).filter((part) => part !== undefined);
    const isText = written.every((part) => part.type === "text");
    if (isText && !written.some((part) => part.prompt_cache_breakpoint) && (!this.own || (written.length < 2 && !written[0]?.cache_control))) return written.map(({ text }) => text).join(paragraph);
    return written;
  }

  private part(part: ContentPart): Json | undefined {
    const { cache } = part;
    const written = this.bare(part);
    if (!cache || !written) return written;
    // OpenAI has breakpoints of its own; those of others that take any are Anthropic's.
    if (this.own && !this.target.dialect.breakpoints) return { ...written, cache_control: { type: "ephemeral", ...cache } };
    return { ...written, ...renderBreakpoint(cache, this.breaks, this.lose) };
  }

  private bare(part: ContentPart): Json | undefined {
    if (part.type === "text") return { type: "text", text: part.text };
    if (part.type === "file") return renderFilePart(part, this.files);
    if (part.protocol !== protocolId) return void this.lose("provider_content");
    return part.value as Json;
  }

  private get files(): FileContext {
    return { lose: this.lose, own: this.own };
  }

  private assistant(parts: readonly Part[]): Json {
    const calls = parts.flatMap((part, index) => (part.type === "tool-call" ? [this.call(part, parts[index - 1])] : []));
    const texts = parts.filter(isSaid);
    const refusals = parts.filter((part): part is TextPart => part.type === "text" && part.refusal === true);
    if (texts.some(({ citations }) => citations)) this.lose("citations");
    if (parts.some((part) => "cache" in part && part.cache)) this.lose("cache_breakpoint");
    const content = parts.flatMap((part) => (isSaid(part) ? part.text : part.type === "file" && !this.own ? (part.transcript ?? []) : [])).join("");
    const opaque = parts.filter((part) => part.type === "opaque");
    if (opaque.some(({ protocol }) => protocol !== protocolId)) this.lose("provider_content");
    const verbatim = opaque.filter(({ protocol }) => protocol === protocolId).map(({ value }) => value);
    const said = verbatim.length > 0 ? [...(content === "" ? [] : [{ type: "text", text: content }]), ...verbatim] : content;
    return {
      role: "assistant",
      content: said.length > 0 ? said : calls.length + refusals.length > 0 ? null : "",
      ...(refusals.length > 0 && { refusal: refusals.map(({ text }) => text).join("") }),
      ...this.reasoning(parts),
      ...this.made(parts),
      ...(calls.length > 0 && { tool_calls: calls }),
    };
  }

  private call(part: ToolCallPart, before: Part | undefined): Json {
    const { dialect, origin } = this.target;
    const isSigned = signsOnly(before) && dialect.reasoningBack !== "reasoning_details" && isFrom(before.origin, origin);
    return renderCall(part, isSigned ? before.signature : undefined);
  }

  private reasoning(parts: readonly Part[]): Json {
    const blocks = parts.filter((part): part is ReasoningPart => part.type === "reasoning");
    if (blocks.some(({ origin }) => !isFrom(origin, this.target.origin))) this.lose("reasoning");
    return renderBack(blocks, this.target.origin, this.target.dialect.reasoningBack);
  }

  /** What the model made: a recording goes back by its id, pictures as OpenRouter gives them. OpenAI has no place for them in an assistant's message. */
  private made(parts: readonly Part[]): Json {
    let id: string | undefined;
    const images: Json[] = [];
    for (const part of parts) {
      if (part.type !== "file") continue;
      if (part.raw) this.lose("provider_content");
      const image = part.kind === "image" && (this.own || this.target.dialect.routerFields) ? renderFilePart(part, this.files) : undefined;
      if (part.kind === "audio" && part.id !== undefined && this.own) id = part.id;
      else if (image?.type === "image_url") images.push(image);
      else this.lose("model_media");
    }
    return { ...(images.length > 0 && { images }), ...(id !== undefined && { audio: { id } }) };
  }
}
