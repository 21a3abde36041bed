/** Watches a chat completion stream. https://platform.openai.com/docs/api-reference/chat-streaming */
import type { Observation, StreamObserver } from "../protocol.ts";
import { dataOf, objectOf, splitFrames } from "../sse.ts";
import { filled } from "../json.ts";
import { parseReportedCost, parseUsage, usageIn } from "./usage.ts";

/** Frames worth opening: usage that is an object, an error, a finish, the end. Others pass unread. */
const telling = /"usage"\s*:\s*\{|"error"\s*:\s*[{"]|"finish_reason"\s*:\s*"|^data: ?\[DONE\]/m;
const outputText = /"(?:content|arguments|reasoning_content|reasoning|refusal)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"/g;

/** Reads usage, errors and the end, and how much `text` finds of what the model wrote; takes out the usage event when the client did not ask for it. */
export class ChatStreamObserver implements StreamObserver {
  readonly seen: Observation = { usage: undefined, reportedNanoUsd: undefined, error: undefined, terminated: false, outputCharacters: 0 };
  private readonly hideUsage: boolean;
  private readonly text: RegExp;

  constructor(hideUsage: boolean, text = outputText) {
    this.hideUsage = hideUsage;
    this.text = text;
  }

  push(frames: string): string {
    for (const match of frames.matchAll(this.text)) this.seen.outputCharacters += match[1]!.length;
    if (!telling.test(frames)) return frames;
    const parts = splitFrames(frames);
    const kept = parts.filter((frame) => this.keep(frame));
    return kept.length === parts.length ? frames : kept.join("");
  }

  /** Reads one frame; false when it is the usage event that only we asked for. */
  private keep(frame: string): boolean {
    const data = dataOf(frame);
    if (data === undefined || !telling.test(frame)) return true;
    if (data === "[DONE]") {
      this.seen.terminated = true;
      return true;
    }
    const chunk = objectOf<Chunk>(data);
    if (chunk === undefined) return true;
    if (chunk.error) this.seen.error = errorMessage(chunk.error);
    if (Array.isArray(chunk.choices) && chunk.choices.some((choice: { finish_reason?: unknown } | null) => choice?.finish_reason)) this.seen.terminated = true;
    this.seen.serviceTier = filled(chunk.service_tier) ?? this.seen.serviceTier;
    const told = usageIn(chunk);
    const usage = parseUsage(told);
    if (!usage) return true;
    this.seen.usage = usage;
    this.seen.reportedNanoUsd = parseReportedCost(told) ?? this.seen.reportedNanoUsd;
    return !(this.hideUsage && Array.isArray(chunk.choices) && chunk.choices.length === 0);
  }
}

type Chunk = { usage?: unknown; error?: unknown; choices?: unknown; service_tier?: unknown; x_groq?: unknown };

/** The message of an in-band error, whatever its shape. */
export function errorMessage(error: unknown): string {
  if (typeof error === "string") return error;
  const message = (error as { message?: unknown } | null)?.message;
  return typeof message === "string" ? message : JSON.stringify(error);
}
