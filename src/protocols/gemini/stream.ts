/** What Gemini's answers say: a whole one, and one that comes as a stream of the same objects. https://ai.google.dev/api/generate-content */
import type { Observation, StreamObserver } from "../protocol.ts";
import { dataOf, splitFrames } from "../sse.ts";
import { countsOutput, parseUsage, tierOf } from "./usage.ts";

type Part = { text?: unknown; functionCall?: { args?: unknown } | null; executableCode?: { code?: unknown } | null } | null;
type Candidate = { content?: { parts?: unknown } | null; finishReason?: unknown } | null;
type Answer = { candidates?: unknown; usageMetadata?: unknown; promptFeedback?: { blockReason?: unknown } | null; error?: unknown };

export const nothingSeen = (): Observation => ({ usage: undefined, reportedNanoUsd: undefined, error: undefined, terminated: false, outputCharacters: 0 });

const characters = (text: unknown): number => (typeof text === "string" ? text.length : 0);

/** Characters that the model wrote in a candidate: text, thoughts, code, and the arguments of its calls. */
function charactersOf(candidate: Candidate): number {
  const parts: Part[] = Array.isArray(candidate?.content?.parts) ? candidate.content.parts : [];
  return parts.reduce((sum, part) => sum + characters(part?.text) + characters(part?.executableCode?.code) + characters(JSON.stringify(part?.functionCall?.args)), 0);
}

/** Adds what one answer object says. Counts are of all that came before: the last ones hold, and of a finished answer what is not counted is none. */
export function note(seen: Observation, answer: unknown): void {
  if (typeof answer !== "object" || answer === null) return;
  const { candidates, usageMetadata, promptFeedback, error } = answer as Answer;
  const usage = parseUsage(usageMetadata);
  seen.serviceTier = tierOf(usageMetadata) ?? seen.serviceTier;
  if (error) seen.error = errorMessage(error);
  if (promptFeedback?.blockReason) seen.terminated = true;
  for (const candidate of Array.isArray(candidates) ? (candidates as Candidate[]) : []) {
    seen.outputCharacters += charactersOf(candidate);
    if (candidate?.finishReason) seen.terminated = true;
  }
  if (usage && (seen.terminated || countsOutput(usageMetadata))) seen.usage = usage;
  else if (usage) seen.usageSoFar = usage;
}

function errorMessage(error: unknown): string {
  const message = (error as { message?: unknown }).message;
  return typeof message === "string" ? message : JSON.stringify(error);
}

/** Reads every event; there is nothing to take out, for usage comes by itself. */
export class GeminiStreamObserver implements StreamObserver {
  readonly seen = nothingSeen();

  push(frames: string): string {
    for (const frame of splitFrames(frames)) {
      const data = dataOf(frame);
      if (data !== undefined) note(this.seen, parse(data));
    }
    return frames;
  }
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
