/** A transcript as events: written where a provider gives it whole, watched where it streams itself. */
import { errorMessage } from "../openai-chat/stream.ts";
import type { Observation, StreamObserver } from "../protocol.ts";
import { dataOf, objectOf, splitFrames } from "../sse.ts";
import { ofSeconds, usageIn } from "./transcript-usage.ts";

const frame = (event: object): string => `data: ${JSON.stringify(event)}\n\n`;

export const deltaEvent = (delta: string): string => frame({ type: "transcript.text.delta", delta });
export const segmentEvent = (segment: object): string => frame({ ...segment, type: "transcript.text.segment" });
export const endEvent = (text: string, usage: unknown): string => frame({ type: "transcript.text.done", text, ...(usage !== undefined && { usage }) });
export const streamEnd = "data: [DONE]\n\n";

type Event = { type?: unknown; delta?: unknown; text?: unknown; usage?: unknown; error?: unknown; choices?: { delta?: { content?: unknown } }[] };

/** Reads usage, errors and the end of OpenAI's events, and of the chunks that vLLM sends instead. */
export class TranscriptObserver implements StreamObserver {
  readonly seen: Observation = { usage: undefined, reportedNanoUsd: undefined, error: undefined, terminated: false, outputCharacters: 0 };

  push(frames: string): string {
    for (const one of splitFrames(frames)) {
      const data = dataOf(one);
      if (data === "[DONE]") this.seen.terminated = true;
      else this.read(objectOf<Event>(data));
    }
    return frames;
  }

  private read(event: Event | undefined): void {
    if (!event) return;
    if (event.error) this.seen.error = errorMessage(event.error);
    const delta = event.delta ?? event.choices?.[0]?.delta?.content ?? (event.type === "transcript.text.segment" ? event.text : undefined);
    if (typeof delta === "string") this.seen.outputCharacters += delta.length;
    if (event.type === "transcript.text.done") this.seen.terminated = true;
    const { usage, seconds, reportedNanoUsd } = usageIn(event.usage);
    if (usage ?? seconds) this.seen.usage = usage ? { ...usage, ...(seconds !== undefined && { pieces: { audio_second: seconds } }) } : ofSeconds(seconds!);
    if (reportedNanoUsd !== undefined) this.seen.reportedNanoUsd = reportedNanoUsd;
  }
}
