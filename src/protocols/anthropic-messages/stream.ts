/** Watches a stream of Messages. https://docs.anthropic.com/en/docs/build-with-claude/streaming */
import { errorMessage } from "../openai-chat/stream.ts";
import { parseReportedCost } from "../openai-chat/usage.ts";
import type { Observation, StreamObserver } from "../protocol.ts";
import { dataOf, objectOf, splitFrames } from "../sse.ts";
import { filled, record } from "../json.ts";
import { merge, nothingTold, partOf, readUsage, usageOf } from "./usage.ts";

/** Frames worth opening: usage, an error, an end. Others pass unread. */
const telling = /"usage"\s*:\s*\{|"error"\s*:\s*[{"]|"stop_reason"\s*:\s*"|"message_stop"/;
/** What a delta of text, tool input or thinking holds. */
const outputText = /"(?:text|partial_json|thinking)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"/g;

/** Reads usage, errors and the end. Nothing in the stream is ours, so nothing is taken out. */
export class MessagesStreamObserver implements StreamObserver {
  readonly seen: Observation = { usage: undefined, reportedNanoUsd: undefined, error: undefined, terminated: false, outputCharacters: 0 };
  private told = nothingTold;

  push(frames: string): string {
    for (const match of frames.matchAll(outputText)) this.seen.outputCharacters += match[1]!.length;
    if (telling.test(frames)) for (const frame of splitFrames(frames)) this.read(frame);
    return frames;
  }

  private read(frame: string): void {
    const data = telling.test(frame) ? dataOf(frame) : undefined;
    const event = data === undefined ? undefined : objectOf<Event>(data);
    if (event === undefined) return;
    const { seen } = this;
    if (event.error) seen.error = errorMessage(event.error);
    // The first event's output is what was there when it was sent: a token or none.
    seen.serviceTier = filled(record(event.message?.usage ?? event.usage).service_tier) ?? seen.serviceTier;
    if (event.message) this.told = merge(this.told, { ...readUsage(event.message.usage), output: undefined });
    if (event.usage) {
      this.told = merge(this.told, readUsage(event.usage));
      seen.reportedNanoUsd = parseReportedCost(event.usage) ?? seen.reportedNanoUsd;
    }
    if (event.type === "message_stop" || typeof event.delta?.stop_reason === "string") seen.terminated = true;
    seen.usage = seen.terminated ? usageOf(this.told) : undefined;
    seen.usageSoFar = partOf(this.told);
  }
}

type Event = {
  type?: unknown;
  message?: { usage?: unknown } | null;
  usage?: unknown;
  delta?: { stop_reason?: unknown } | null;
  error?: unknown;
};
