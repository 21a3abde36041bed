/** Words and sentences in time, and subtitles of them. Pure. */

/** Times in seconds. `speaker`: whatever its provider calls whoever speaks. */
export type Word = { readonly word: string; readonly start: number; readonly end: number; readonly speaker?: string | undefined };
export type Segment = { readonly text: string; readonly start: number; readonly end: number; readonly speaker?: string | undefined; readonly more?: Readonly<Record<string, unknown>> };

/** Two lines on a screen, for as long as one reads them; a pause, or the end of a sentence, ends a cue that has begun. https://bbc.github.io/subtitle-guidelines */
const mostCharacters = 84;
const mostSeconds = 7;
const pauseSeconds = 1;
const leastSeconds = 1;
const endsSentence = /[.!?。！？…]["'”’)]?$/u;

/** Words in cues. */
export function segmentsOf(words: readonly Word[]): Segment[] {
  const cues: Word[][] = [];
  for (const word of words) {
    const cue = cues.at(-1);
    const last = cue?.at(-1);
    const text = cue?.map((one) => one.word).join(" ") ?? "";
    const ends = !cue || !last || word.speaker !== last.speaker || word.start - last.end > pauseSeconds || text.length + word.word.length + 1 > mostCharacters
      || word.end - cue[0]!.start > mostSeconds || (endsSentence.test(last.word) && last.end - cue[0]!.start >= leastSeconds);
    if (ends) cues.push([word]);
    else cue.push(word);
  }
  return cues.map((cue) => ({ text: cue.map(({ word }) => word.trim()).join(" "), start: cue[0]!.start, end: cue.at(-1)!.end, ...(cue[0]!.speaker !== undefined && { speaker: cue[0]!.speaker }) }));
}

/** `01:02:03,004`: no player takes a time that goes back. */
function timeOf(seconds: number, mark: "," | "."): string {
  const ms = Math.max(0, Math.round(seconds * 1_000));
  const part = (value: number, digits = 2): string => String(value).padStart(digits, "0");
  return `${part(Math.floor(ms / 3_600_000))}:${part(Math.floor(ms / 60_000) % 60)}:${part(Math.floor(ms / 1_000) % 60)}${mark}${part(ms % 1_000, 3)}`;
}

/** A blank line or an arrow in a text would be taken for the next cue. */
const lineOf = (text: string): string => text.trim().replace(/\s*[\r\n]+\s*/g, "\n").replaceAll("-->", "->");
const spanOf = ({ start, end }: Segment, mark: "," | "."): string => `${timeOf(start, mark)} --> ${timeOf(Math.max(start, end), mark)}`;

/** SubRip, as OpenAI writes it. */
export const srtOf = (segments: readonly Segment[]): string => segments.map((segment, i) => `${i + 1}\n${spanOf(segment, ",")}\n${lineOf(segment.text)}\n\n`).join("");
/** https://www.w3.org/TR/webvtt1 */
export const vttOf = (segments: readonly Segment[]): string => `WEBVTT\n\n${segments.map((segment) => `${spanOf(segment, ".")}\n${lineOf(segment.text).replaceAll("&", "&amp;").replaceAll("<", "&lt;")}\n\n`).join("")}`;

/** When the last cue of a text of subtitles ends, seconds; undefined: it has none. */
export function lastCueOf(subtitles: string): number | undefined {
  const times = [...subtitles.matchAll(/-->\s*(?:(\d+):)?(\d\d):(\d\d)[.,](\d{3})/g)].map(([, hours = "0", minutes, seconds, ms]) => Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds) + Number(ms) / 1_000);
  return times.length > 0 ? Math.max(...times) : undefined;
}
