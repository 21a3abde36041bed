/**
 * Server-sent events as raw frames. A parser library gives events; passing through needs the frames' own bytes back, so
 * only the frame borders and the data lines are read here. https://html.spec.whatwg.org/multipage/server-sent-events.html
 */

const border = /\r?\n\r?\n|\r\r/g;

/** Splits text made of whole frames; each frame keeps its blank line. */
export function splitFrames(text: string): string[] {
  const frames: string[] = [];
  let from = 0;
  const take = (end: number): void => {
    frames.push(text.slice(from, end));
    from = end;
  };
  if (text.includes("\r")) for (const match of text.matchAll(border)) take(match.index + match[0].length);
  else for (let at = text.indexOf("\n\n"); at >= 0; at = text.indexOf("\n\n", from)) take(at + 2);
  if (from < text.length) frames.push(text.slice(from));
  return frames;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  const early = text.slice(from, end < 0 ? undefined : end).indexOf("\r");
  return early >= 0 ? from + early : end < 0 ? text.length : end;
}

/** A frame's data lines joined, or undefined for comments and bare fields. */
export function dataOf(frame: string): string | undefined {
  let data: string | undefined;
  let end = 0;
  for (let at = frame.indexOf("data:"); at >= 0; at = frame.indexOf("data:", end)) {
    end = lineEnd(frame, at);
    if (at > 0 && frame[at - 1] !== "\n" && frame[at - 1] !== "\r") continue;
    const value = frame.slice(frame[at + 5] === " " ? at + 6 : at + 5, end);
    data = data === undefined ? value : `${data}\n${value}`;
  }
  return data;
}

/** A frame's event name, or undefined. */
export const eventOf = (frame: string): string | undefined => (frame.startsWith("data:") ? undefined : /(?:^|[\r\n])event: ?([^\r\n]*)/.exec(frame)?.[1]);

const newline = 10;
const carriageReturn = 13;

/** Bytes up to and including the last frame border in `bytes`; 0 when there is none. */
export function wholeFrames(bytes: Uint8Array): number {
  for (let i = bytes.length - 1; i > 0; i -= 1) {
    const here = bytes[i];
    if (here === newline && (bytes[i - 1] === newline || (bytes[i - 1] === carriageReturn && bytes[i - 2] === newline))) return i + 1;
    if (here === carriageReturn && bytes[i - 1] === carriageReturn) return i + 1;
  }
  return 0;
}

/** A frame's data as a JSON object; undefined for anything else. `T` names the optional fields that the caller looks at. */
export function objectOf<T extends object>(data: string | undefined): T | undefined {
  if (data === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a frame's data can be an event of any of the protocols: JSON, or chat's mark of the end. */
export function isEventData(data: string): boolean {
  if (data === "[DONE]") return true;
  try {
    JSON.parse(data);
    return true;
  } catch {
    return false;
  }
}
