/** The formats of OpenAI's speech: what each is called, and what a second of it usually has. */
import { GatewayError } from "../../errors.ts";

export const speechFormats = ["mp3", "opus", "aac", "flac", "wav", "pcm"] as const;
export type SpeechFormat = (typeof speechFormats)[number];

/** Content types as OpenAI sends them. */
export const typeOfFormat: Readonly<Record<SpeechFormat, string>> = { mp3: "audio/mpeg", opus: "audio/opus", aac: "audio/aac", flac: "audio/flac", wav: "audio/wav", pcm: "audio/pcm" };

/** PCM as OpenAI has it: 24 kHz, 16 bit, one channel. https://platform.openai.com/docs/guides/text-to-speech#supported-output-formats */
export const pcmRate = 24_000;
const pcmBytesPerSecond = pcmRate * 2;
/** Bytes of a second, exact for PCM and for what has a header before it; for the others as providers usually make them. */
const bytesPerSecond: Readonly<Record<SpeechFormat, number>> = { mp3: 16_000, opus: 8_000, aac: 16_000, flac: 26_000, wav: pcmBytesPerSecond, pcm: pcmBytesPerSecond };

/** How long speech of so many bytes is, seconds: an estimate. */
export const secondsOf = (format: SpeechFormat, bytes: number): number => bytes / bytesPerSecond[format];

/** A RIFF header before PCM of 16 bit and one channel. `bytes` undefined: nobody knows how many come, which players take as "to the end". */
export function wavHead(rate: number, bytes?: number): Uint8Array {
  const head = new DataView(new ArrayBuffer(44));
  const text = (at: number, name: string): void => [...name].forEach((character, i) => head.setUint8(at + i, character.charCodeAt(0)));
  text(0, "RIFF");
  head.setUint32(4, bytes === undefined ? 0xffff_ffff : 36 + bytes, true);
  text(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 1, true);
  head.setUint32(24, rate, true);
  head.setUint32(28, rate * 2, true);
  head.setUint16(32, 2, true);
  head.setUint16(34, 16, true);
  text(36, "data");
  head.setUint32(40, bytes ?? 0xffff_ffff, true);
  return new Uint8Array(head.buffer);
}

/** What a provider calls a format. Throws where it has none such. */
export function formatAt<T>(names: Readonly<Partial<Record<SpeechFormat, T>>>, format: SpeechFormat, provider: string): T {
  const found = names[format];
  if (found === undefined) throw new GatewayError("invalid_request", `response_format: ${provider} makes ${Object.keys(names).join(", ")}, not ${format}`, { param: "response_format" });
  return found;
}
