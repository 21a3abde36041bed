/**
 * Server-sent events as raw frames. A parser library gives events; passing through needs the frames' own bytes back, so
 * only the frame borders and the data lines are read here. https://html.spec.whatwg.org/multipage/server-sent-events.html
 */

const border = /\r?\n\r?\n|\r\r/g;

/** Splits text made of whole frames; each frame keeps its blank line. */
export function splitFrames(text: string): string[] {
  const frames: string[] = [];
  let from = 0;
  for (const match of text.matchAll(border)) {
    frames.push(text.slice(from, match.index + match[0].length));
    from = match.index + match[0].length;
  }
  if (from < text.length) frames.push(text.slice(from));
  return frames;
}

/** A frame's data lines joined, or undefined for comments and bare fields. */
export function dataOf(frame: string): string | undefined {
  let data: string | undefined;
  for (const line of frame.split(/\r\n|\n|\r/)) {
    if (!line.startsWith("data:")) continue;
    const value = line.slice(line[5] === " " ? 6 : 5);
    data = data === undefined ? value : `${data}\n${value}`;
  }
  return data;
}

/** A frame's event name, or undefined. */
export const eventOf = (frame: string): string | undefined => (frame.startsWith("data:") ? undefined : /^event: ?([^\r\n]*)/m.exec(frame)?.[1]);

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
