/** An answer that another deployment may go on with: what its client has been told of it, and how the second half is put behind the first. */
import { together, type ChatEvent, type Place, type Usage } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import type { StreamParser } from "../protocols/protocol.ts";
import { isPassing } from "./attempt.ts";
import { Retelling } from "../protocols/retelling.ts";
import { firm, Seam } from "./seam.ts";

type Placed = Extract<ChatEvent, Place>;

/** Parts that nobody but their maker can go on behind. */
const binding = new Set<ChatEvent["type"]>(["tool-call-start", "part"]);

/**
 * Tells one answer of up to two upstreams. Where the first breaks off in a plain text its error is kept back until it is known whether
 * another goes on; the end of a text too, for the break may come right behind it.
 */
export class Spliced extends Retelling {
  /** The client's answer so far: all of its text, the length of the text it stands in, and that one's place. */
  private text = "";
  private length = 0;
  private at = -1;
  private isPlain = true;
  private inText = false;
  private finish = false;
  private ending: Placed | undefined;
  private kept: GatewayError | undefined;
  /** Of the second half: what was used before it, how long the text was that it goes on with, and by how much its places are moved. */
  private used: Usage | undefined;
  private before = 0;
  private seam: Seam | undefined;
  private moved: number | undefined;
  private joined = false;

  /** Another goes on with the answer, or did. */
  get isSecond(): boolean {
    return this.used !== undefined;
  }

  /** The text that another may go on with; undefined: the answer is over, or stands where nobody else can. Asked when the upstream has broken. */
  told(): string | undefined {
    if (!this.isPlain || !this.inText || this.length === 0 || this.finish || this.isSecond || firm(this.text) === "") return undefined;
    return this.kept || (!this.over && !this.isWhole) ? this.text : undefined;
  }

  /** From here on the answer is another's. `used`: what the first half used. */
  goOn(parser: StreamParser, used: Usage, echoes: boolean): void {
    this.turnTo(parser);
    this.seam = new Seam(this.text, echoes);
    this.before = this.length;
    this.used = used;
    this.kept = undefined;
  }

  override close(): string {
    return this.kept ? "" : super.close();
  }

  override fail(error: GatewayError): string {
    if (!this.kept) return super.fail(error);
    const first = this.kept;
    this.kept = undefined;
    this.over = false;
    return this.broken(first);
  }

  protected override broken(error: GatewayError): string {
    return this.over ? "" : this.flush() + super.broken(error);
  }

  protected override failed(error: GatewayError): string {
    if (!isPassing(error.status) || this.told() === undefined) return this.broken(error);
    this.kept = error;
    this.over = true;
    return "";
  }

  protected override end(): string {
    return this.over ? "" : this.flush() + super.end();
  }

  protected override write(event: ChatEvent): string {
    if (event.type === "usage") return super.write(this.used ? { ...event, usage: together(this.used, event.usage) } : event);
    if (!this.isSecond) return this.say(event);
    if (event.type === "start") return "";
    return "at" in event ? this.second(event) : this.leaveText() + this.say(event);
  }

  /** A part of the second half: its first text goes on with the one that stands open. */
  private second(event: Placed): string {
    if (this.moved === undefined) {
      if (event.type === "reasoning-start") return this.thinksAnew();
      if (event.type !== "text-start" || event.refusal) return this.leaveText() + this.say({ ...event, at: this.at + 1 });
      this.joined = true;
      this.moved = this.at;
      this.ending = undefined;
      return "";
    }
    const placed = { ...event, at: event.at + this.moved };
    return this.joined && event.at === 0 ? this.join(placed) : this.say(placed);
  }

  private join(event: Placed): string {
    const seam = this.seam!;
    if (event.type === "text-delta") {
      const text = seam.push(event.text);
      if (text === event.text) return this.say(event);
      const { logprobs: _, ...bare } = event;
      return text === "" ? "" : this.say({ ...bare, text });
    }
    if (event.type === "text-end") {
      const text = seam.end();
      return (text === "" ? "" : this.say({ type: "text-delta", text, at: event.at, choice: event.choice })) + this.say(event);
    }
    return this.say(event.type === "text-citation" ? this.shifted(event) : event);
  }

  /** A citation counts the characters of its own half. */
  private shifted(event: Extract<ChatEvent, { type: "text-citation" }>): ChatEvent {
    const by = this.before - this.seam!.dropped;
    const { start, end } = event.citation;
    return { ...event, citation: { ...event.citation, ...(start !== undefined && { start: start + by }), ...(end !== undefined && { end: end + by }) } };
  }

  /** Who thinks first answers anew, and does not go on. */
  private thinksAnew(): string {
    const message = "The answer broke off, and who was to go on with it began to think anew.";
    this.seen.error = message;
    return this.broken(new GatewayError("upstream_error", message));
  }

  /** The text of the first half is over where the second one says none. */
  private leaveText(): string {
    if (this.moved !== undefined) return "";
    this.moved = this.at + 1;
    this.ending ??= { type: "text-end", at: this.at, choice: 0 };
    return this.flush();
  }

  /** Says an event, and what was kept back before it. */
  private say(event: ChatEvent): string {
    if (event.type === "text-end") {
      this.ending = event;
      return "";
    }
    const before = "choice" in event ? this.flush() : "";
    this.follow(event);
    return before + super.write(event);
  }

  private flush(): string {
    const { ending } = this;
    this.ending = undefined;
    return ending ? super.write(ending) : "";
  }

  private follow(event: ChatEvent): void {
    if (event.type === "finish") this.finish = true;
    if ("choice" in event && event.choice !== 0) this.isPlain = false;
    if (event.type === "text-delta") {
      this.text += event.text;
      this.length += event.text.length;
    }
    if (!("at" in event) || event.at === this.at) return;
    this.at = event.at;
    this.inText = event.type === "text-start";
    this.length = 0;
    if (binding.has(event.type) || (event.type === "text-start" && event.refusal)) this.isPlain = false;
  }
}
