/** The events of a stream as the path hands them out: whole frames of JSON; comments and marks of the end are none. */
import type { Json } from "./teller.ts";
import { isObject } from "./teller.ts";
import { parseExact } from "../chat/index.ts";
import { dataOf, splitFrames } from "../protocols/sse.ts";

const border = /\r?\n\r?\n/g;

/** Reads an answer's events until the signal comes; one that came whole is told in two. Throws when the body does. */
export async function* eventsIn(answer: Response, signal: AbortSignal): AsyncGenerator<Json, void> {
  if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) return yield* whole(parseExact(await answer.text()));
  const decoder = new TextDecoder();
  let text = "";
  const reader = answer.body!.getReader();
  signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    text += decoder.decode(read.value, { stream: true });
    const last = [...text.matchAll(border)].at(-1);
    if (!last) continue;
    const end = last.index + last[0].length;
    yield* told(text.slice(0, end));
    text = text.slice(end);
  }
  yield* told(text + decoder.decode());
}

function* whole(response: unknown): Generator<Json, void> {
  if (!isObject(response)) return;
  yield { type: "response.created", response: { ...response, status: "in_progress", output: [], usage: null } };
  yield { type: `response.${response.status === "failed" || response.status === "incomplete" ? response.status : "completed"}`, response };
}

function* told(text: string): Generator<Json, void> {
  for (const frame of splitFrames(text)) {
    const data = dataOf(frame);
    const event = data === undefined ? undefined : eventOf(data);
    if (event) yield event;
  }
}

function eventOf(data: string): Json | undefined {
  try {
    const event = parseExact(data);
    return isObject(event) ? event : undefined;
  } catch {
    return undefined;
  }
}

/** The frames of a text, each as it was written. */
export const framesOf = (text: string): string[] => splitFrames(text);
