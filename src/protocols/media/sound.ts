/** How long a recording is: at most, and probably, by what its file says of itself. */
import type { SentFile } from "../crossing.ts";
import { leastBytesPerSecond } from "../media-bound.ts";

/** Kinds by their extension or the end of their type, with the bytes that a second of them usually has. */
const usualBytesPerSecond: Readonly<Record<string, number>> = {
  wav: 32_000, mp3: 16_000, mpga: 16_000, mpeg: 16_000, mp4: 16_000, m4a: 16_000, aac: 16_000, flac: 40_000, ogg: 6_000, oga: 6_000, opus: 6_000, webm: 6_000,
};
const kinds: Readonly<Record<string, string>> = { "x-wav": "wav", wave: "wav", "vnd.wave": "wav", "x-m4a": "m4a", "x-flac": "flac" };
const mediaTypes: Readonly<Record<string, string>> = { wav: "audio/wav", mp3: "audio/mpeg", mpga: "audio/mpeg", mpeg: "audio/mpeg", mp4: "audio/mp4", m4a: "audio/mp4", aac: "audio/aac", flac: "audio/flac", ogg: "audio/ogg", oga: "audio/ogg", opus: "audio/ogg", webm: "audio/webm" };

/**
 * Fewest bytes of a second in codecs that have no lowest rate: 2 kbit/s, below the lowest of any that speech is kept in (Speex 2.15, AMR 4.75,
 * Opus 6). Only a file of nothing but silence has less, and nobody takes more than ten hours (ElevenLabs: https://elevenlabs.io/docs/capabilities/speech-to-text).
 */
const fewestBytesPerSecond = 250;
const mostSeconds = 36_000;
const unknownBytesPerSecond = 16_000;

/** `most`: no provider can count more. `exact`: the file's own header says how long it is, and its bytes agree. */
export type Sound = { readonly most: number; readonly seconds: number; readonly exact: boolean };

function kindOf({ type, filename }: Pick<SentFile, "type" | "filename">): string {
  const named = /^(?:audio|video)\/([a-z0-9.+-]+)/i.exec(type)?.[1]?.toLowerCase() ?? "";
  const kind = kinds[named] ?? named;
  return kind in usualBytesPerSecond ? kind : (/\.([a-z0-9]+)$/i.exec(filename)?.[1]?.toLowerCase() ?? "");
}

/** A recording's type, by its name where its client did not say. */
export const mediaTypeOf = (file: Pick<SentFile, "type" | "filename">): string => (/^(?:audio|video)\//i.test(file.type) ? file.type : (mediaTypes[kindOf(file)] ?? "application/octet-stream"));

export function soundOf(file: SentFile): Sound {
  const { bytes } = file;
  const kind = kindOf(file);
  const told = wavSeconds(file);
  const likely = told ?? bytes / (usualBytesPerSecond[kind] ?? unknownBytesPerSecond);
  const most = told ?? bytes / (kind === "wav" ? fewestBytesPerSecond : (leastBytesPerSecond[kind === "mpga" ? "mp3" : kind] ?? fewestBytesPerSecond));
  return { most: Math.min(Math.ceil(most) + 1, mostSeconds), seconds: Math.min(likely, mostSeconds), exact: told !== undefined };
}

const headBytes = 64 * 1024;
const tagOf = (view: DataView, at: number): string => String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
/** PCM, floats, A-law, µ-law, and the same with more said of them: their frames are all as long. */
const uniform = new Set([1, 3, 6, 7, 0xfffe]);

/** The length of a WAV file whose frames are all as long; undefined: it is none, or does not say. http://soundfile.sapp.org/doc/WaveFormat */
function wavSeconds(file: SentFile): number | undefined {
  const view = headOf(file);
  if (view.byteLength < 12 || tagOf(view, 0) !== "RIFF" || tagOf(view, 8) !== "WAVE") return undefined;
  let rate = 0;
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const length = view.getUint32(at + 4, true);
    const tag = tagOf(view, at);
    if (tag === "fmt " && at + 24 <= view.byteLength && uniform.has(view.getUint16(at + 8, true))) rate = view.getUint32(at + 12, true) * view.getUint16(at + 20, true);
    if (tag === "data") return rate > 0 ? Math.min(length, file.bytes - at - 8) / rate : undefined;
    at += 8 + length + (length % 2);
  }
  return undefined;
}

function headOf({ pieces, bytes }: SentFile): DataView {
  const head = new Uint8Array(Math.min(bytes, headBytes));
  let at = 0;
  for (const piece of pieces) {
    head.set(piece.subarray(0, head.length - at), at);
    at += Math.min(piece.length, head.length - at);
    if (at === head.length) break;
  }
  return new DataView(head.buffer);
}
