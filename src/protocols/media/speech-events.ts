/** Speech as events, `stream_format: sse`: watched where a provider makes them, written where it gives only bytes. */
import { noUsage, type Usage } from "../../chat/usage.ts";
import type { GatewayError } from "../../errors.ts";
import type { Telling } from "../crossing.ts";
import { record } from "../json.ts";
import { renderStreamError } from "../openai-chat/error.ts";
import { errorMessage } from "../openai-chat/stream.ts";
import { count } from "../openai-chat/usage.ts";
import type { Observation, StreamObserver } from "../protocol.ts";
import { dataOf, objectOf, splitFrames } from "../sse.ts";

const encoder = new TextEncoder();
const frame = (event: object): string => `data: ${JSON.stringify(event)}\n\n`;

/** Sound as an event. Each piece is base64 by itself. */
export const speechEvent = (bytes: Uint8Array): string => frame({ type: "speech.audio.delta", audio: bytes.toBase64() });

/** The end, and what it used in tokens. */
export function doneEvent({ inputTokens, outputTokens }: Usage = noUsage): string {
  return frame({ type: "speech.audio.done", usage: { input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: inputTokens + outputTokens } });
}

/** Writes events of bytes as they come. */
export class SpeechEvents implements Telling {
  private bytes = 0;
  private readonly observe: (bytes: number) => Observation;
  private readonly head: Uint8Array;

  /** `head`: what stands before the sound. */
  constructor(observe: (bytes: number) => Observation, head: Uint8Array = new Uint8Array()) {
    this.observe = observe;
    this.head = head;
  }

  begin(): Uint8Array {
    return this.head.length > 0 ? encoder.encode(speechEvent(this.head)) : this.head;
  }

  piece(bytes: Uint8Array): Uint8Array {
    this.bytes += bytes.length;
    return encoder.encode(speechEvent(bytes));
  }

  end(): Uint8Array {
    return encoder.encode(doneEvent(this.observe(this.bytes).usage));
  }

  fail(error: GatewayError): Uint8Array {
    return encoder.encode(renderStreamError(error));
  }
}

/** Writes bytes as they come behind others that stand before them. */
export class Headed implements Telling {
  private readonly head: Uint8Array;

  constructor(head: Uint8Array) {
    this.head = head;
  }

  begin = (): Uint8Array => this.head;
  piece = (bytes: Uint8Array): Uint8Array => bytes;
  end = (): Uint8Array => new Uint8Array();
}

/** Reads usage, errors and the end of a provider's own events. */
export class SpeechObserver implements StreamObserver {
  readonly seen: Observation = { usage: undefined, reportedNanoUsd: undefined, error: undefined, terminated: false, outputCharacters: 0 };

  push(frames: string): string {
    if (/speech\.audio\.done|"error"/.test(frames)) for (const one of splitFrames(frames)) this.read(objectOf<{ type?: unknown; usage?: unknown; error?: unknown }>(dataOf(one)));
    return frames;
  }

  private read(event: { type?: unknown; usage?: unknown; error?: unknown } | undefined): void {
    if (event?.error) this.seen.error = errorMessage(event.error);
    if (event?.type !== "speech.audio.done") return;
    this.seen.terminated = true;
    const { input_tokens, output_tokens } = record(event.usage);
    const outputTokens = count(output_tokens);
    if (typeof output_tokens === "number") this.seen.usage = { ...noUsage, inputTokens: count(input_tokens), outputTokens, outputAudioTokens: outputTokens };
  }
}
