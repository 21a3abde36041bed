/** Writes an answer as a Responses stream. https://platform.openai.com/docs/api-reference/responses-streaming */
import type { ChatEvent, Finish } from "../../chat/index.ts";
import type { GatewayError } from "../../errors.ts";
import type { RenderContext, StreamRenderer } from "../protocol.ts";
import { ItemWriter } from "./item-writer.ts";
import { endOf, renderObject, type Known } from "./render-response.ts";
import type { Json } from "./words.ts";

/** `created`, then every item with all its events, then `completed`, `incomplete` or `failed` with the whole answer. */
export class ResponsesStreamRenderer implements StreamRenderer {
  private readonly context: RenderContext;
  private readonly writer: ItemWriter;
  private readonly known: Known;
  private created = false;
  private sequence = 0;
  private frames = "";

  constructor(context: RenderContext) {
    this.context = context;
    this.writer = new ItemWriter(context, (type, fields) => this.say(type, fields));
    this.known = { output: this.writer.output };
  }

  push(event: ChatEvent): string {
    this.learn(event);
    if (!this.created) this.create();
    this.writer.push(event);
    return this.take();
  }

  end(): string {
    if (!this.created) this.create();
    const finish: Finish = this.known.finish ?? { unified: "other" };
    const { status } = endOf(finish);
    this.writer.close(status === "completed" ? "completed" : "incomplete");
    this.say(status, { response: renderObject(this.context, { ...this.known, finish }) });
    return this.take();
  }

  /** `response.failed` is what the vendor's clients take for a failure in the middle; the output so far stays in it. */
  fail({ status, code, message }: GatewayError): string {
    if (!this.created) this.create();
    this.writer.close("incomplete");
    this.say("failed", { response: renderObject(this.context, { ...this.known, error: { status, code, message } }) });
    return this.take();
  }

  private learn(event: ChatEvent): void {
    const { known } = this;
    if (event.type === "start" || event.type === "usage") {
      if (event.usage) known.usage = event.usage;
      if (event.serviceTier !== undefined) known.serviceTier = event.serviceTier;
    }
    if (event.type === "start") {
      known.model = event.model;
      known.createdAtS = event.createdAtS;
    }
    if (event.type === "finish" && event.choice === 0) known.finish = event.finish;
    if (event.type === "error") known.error = event.error;
  }

  private create(): void {
    this.created = true;
    const { model, createdAtS, serviceTier } = this.known;
    const response = renderObject(this.context, { model, createdAtS, serviceTier, output: [] });
    this.say("created", { response });
    this.say("in_progress", { response });
  }

  private say(name: string, fields: Json): void {
    const type = `response.${name}`;
    this.frames += `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: this.sequence, ...fields })}\n\n`;
    this.sequence += 1;
  }

  private take(): string {
    const { frames } = this;
    this.frames = "";
    return frames;
  }
}

