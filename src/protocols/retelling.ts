/** A stream of one protocol told anew in another, and what it says about itself on the way. */
import type { ChatEvent, ChatResponse, Part } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import type { Observation, StreamObserver, StreamParser, StreamRenderer } from "./protocol.ts";
import { dataOf, eventOf, splitFrames } from "./sse.ts";

const charactersIn = (part: Part): number =>
  part.type === "text" ? part.text.length
  : part.type === "tool-call" ? part.input.length
  : part.type === "reasoning" ? part.texts.join("").length
  : 0;

/** What a whole answer says about itself. */
export const observationOf = ({ usage, reportedNanoUsd, serviceTier, error, choices }: ChatResponse): Observation => ({
  usage, reportedNanoUsd, serviceTier, error: error?.message, terminated: true,
  outputCharacters: choices.reduce((sum, { parts }) => sum + parts.reduce((inner, part) => inner + charactersIn(part), 0), 0),
});

const nothingSeen = (): Observation => ({ usage: undefined, reportedNanoUsd: undefined, error: undefined, terminated: false, outputCharacters: 0 });

/** Reads frames with one protocol's parser and writes them with another's renderer. Its end, or its failure, is written once. */
export class Retelling implements StreamObserver {
  seen = nothingSeen();
  protected over = false;
  /** Answers that have begun, and those that have finished. */
  private begun = new Set<number>();
  private finished = new Set<number>();
  private parser: StreamParser;
  private rest: ChatEvent[] | undefined;
  private readonly renderer: StreamRenderer;

  constructor(parser: StreamParser, renderer: StreamRenderer) {
    this.parser = parser;
    this.renderer = renderer;
  }

  /** From here on another stream is read. */
  protected turnTo(parser: StreamParser): void {
    this.parser = parser;
    this.seen = nothingSeen();
    this.begun = new Set();
    this.finished = new Set();
    this.rest = undefined;
    this.over = false;
  }

  /** With what the parser has held back the answer is whole. */
  protected get isWhole(): boolean {
    return this.isWholeWith(this.heldBack);
  }

  push(frames: string): string {
    let told = "";
    for (const frame of splitFrames(frames)) {
      if (this.over) break;
      const data = dataOf(frame);
      if (data !== undefined) told += this.tell(this.parser.push({ event: eventOf(frame), data }));
    }
    return told;
  }

  /** The end of an answer that is whole with what the parser has held back; else nothing, for a call that broke off must not look whole. */
  close(): string {
    if (this.over) return "";
    return this.isWhole ? this.tell(this.heldBack) + this.end() : "";
  }

  /** The stream broke off: the client's words for it. Nothing when it is over, and its own end when only that was missing. */
  fail(error: GatewayError): string {
    return this.close() || this.broken(error);
  }

  protected broken(error: GatewayError): string {
    if (this.over) return "";
    this.over = true;
    return this.renderer.fail(error);
  }

  private get heldBack(): readonly ChatEvent[] {
    return (this.rest ??= this.parser.end());
  }

  private isWholeWith(held: readonly ChatEvent[]): boolean {
    const placed = held.filter((event) => "choice" in event);
    const begun = new Set([...this.begun, ...placed.map(({ choice }) => choice)]);
    const finished = new Set([...this.finished, ...placed.flatMap(({ type, choice }) => (type === "finish" ? [choice] : []))]);
    return begun.size > 0 && finished.size === begun.size;
  }

  protected end(): string {
    if (this.over) return "";
    this.over = true;
    return this.renderer.end();
  }

  private tell(events: readonly ChatEvent[]): string {
    let told = "";
    for (const event of events) {
      if (this.over) break;
      this.note(event);
      if (event.type === "error") told += this.failed(new GatewayError("upstream_refused", event.error.message.slice(0, 2_000), {}, event.error.status));
      else if (event.type !== "end") told += this.write(event);
      else if (this.seen.terminated) told += this.end();
    }
    return told;
  }

  /** An error inside the stream. */
  protected failed(error: GatewayError): string {
    return this.broken(error);
  }

  protected write(event: ChatEvent): string {
    return this.renderer.push(event);
  }

  private note(event: ChatEvent): void {
    const { seen } = this;
    if (event.type === "text-delta" || event.type === "reasoning-delta") seen.outputCharacters += event.text.length;
    else if (event.type === "tool-call-delta") seen.outputCharacters += event.input.length;
    else if (event.type === "start" || event.type === "usage") {
      seen.serviceTier = event.serviceTier ?? seen.serviceTier;
      if (event.type === "start") seen.usageSoFar = event.usage ?? seen.usageSoFar;
      else Object.assign(seen, { usage: event.usage, reportedNanoUsd: event.reportedNanoUsd ?? seen.reportedNanoUsd });
    } else if (event.type === "error") seen.error = event.error.message;
    if ("choice" in event) {
      this.begun.add(event.choice);
      if (event.type === "finish") this.finished.add(event.choice);
      seen.terminated = this.finished.size === this.begun.size;
    }
  }
}
