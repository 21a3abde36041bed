/** Watches a Responses stream. https://platform.openai.com/docs/api-reference/responses-streaming */
import { filled, record } from "../json.ts";
import { errorMessage } from "../openai-chat/stream.ts";
import { parseReportedCost } from "../openai-chat/usage.ts";
import type { Observation, StreamObserver } from "../protocol.ts";
import { dataOf, objectOf, splitFrames } from "../sse.ts";
import { usageOf } from "./usage.ts";

/** Frames worth opening: the three ends, and errors. Others pass unread but for the length of their text. */
const telling = /(?:"type"\s*:\s*"|^event: ?)(?:response\.(?:completed|incomplete|failed)|error)\b|"error"\s*:\s*[{"]/m;
const delta = /"type"\s*:\s*"response\.[\w.]{1,60}\.delta"/;
const outputText = /"delta"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"/;

const ends = new Set(["response.completed", "response.incomplete", "response.failed"]);

type Event = { type?: unknown; response?: { error?: unknown } | null; error?: unknown };

/** Reads usage, errors and the end. Takes nothing out: usage is part of the protocol. */
export class ResponsesStreamObserver implements StreamObserver {
  readonly seen: Observation = { usage: undefined, reportedNanoUsd: undefined, error: undefined, terminated: false, outputCharacters: 0 };

  push(frames: string): string {
    for (const frame of splitFrames(frames)) {
      if (delta.test(frame)) this.seen.outputCharacters += outputText.exec(frame)?.[1]!.length ?? 0;
      else if (telling.test(frame)) this.read(frame);
    }
    return frames;
  }

  private read(frame: string): void {
    const event = objectOf<Event>(dataOf(frame));
    if (event === undefined) return;
    if (event.error) this.seen.error = errorMessage(event.error);
    else if (event.type === "error") this.seen.error = errorMessage(event);
    if (typeof event.type !== "string" || !ends.has(event.type)) return;
    this.seen.terminated = true;
    if (event.type === "response.failed") this.seen.error = event.response?.error ? errorMessage(event.response.error) : "The response failed.";
    const response = record(event.response);
    this.seen.usage = usageOf(response) ?? this.seen.usage;
    this.seen.serviceTier = filled(response.service_tier) ?? this.seen.serviceTier;
    this.seen.reportedNanoUsd = parseReportedCost(response.usage) ?? this.seen.reportedNanoUsd;
  }
}
