import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SentFile } from "../../src/protocols/crossing.ts";
import { withBase64 } from "../../src/protocols/media/base64-json.ts";
import { soundOf } from "../../src/protocols/media/sound.ts";
import { wavHead } from "../../src/protocols/media/speech-formats.ts";
import { lastCueOf, segmentsOf, srtOf, vttOf } from "../../src/protocols/media/subtitles.ts";

const file = (name: string, type: string, ...pieces: Uint8Array[]): SentFile => new SentFile(name, type, pieces);

describe("a recording's length", () => {
  test.each<[string, SentFile, object]>([
    ["a WAV says it", file("a.wav", "audio/wav", wavHead(16_000, 64_000), new Uint8Array(64_000)), { seconds: 2, exact: true, most: 3 }],
    ["a WAV that was streamed", file("a.wav", "audio/wav", wavHead(16_000), new Uint8Array(64_000)), { seconds: 2, exact: true }],
    ["a WAV that says more than it has", file("a.wav", "audio/wav", wavHead(16_000, 1e9), new Uint8Array(64_000)), { seconds: 2, exact: true }],
    ["a WAV by another name", file("a.bin", "application/octet-stream", wavHead(16_000, 64_000), new Uint8Array(64_000)), { seconds: 2, exact: true }],
    ["a WAV of one sample a second", file("a.wav", "", wavHead(1, 64_000), new Uint8Array(64_000)), { seconds: 32_000, exact: true, most: 32_001 }],
    ["a WAV without a rate", file("a.wav", "audio/wav", wavHead(0, 64_000), new Uint8Array(64_000)), { exact: false }],
    ["no WAV at all", file("a.wav", "audio/wav", new Uint8Array(100)), { exact: false, most: 2 }],
    ["an MP3", file("a.mp3", "audio/mpeg", new Uint8Array(160_000)), { seconds: 10, exact: false, most: 161 }],
    ["an MP3 by its name", file("a.MP3", "", new Uint8Array(160_000)), { seconds: 10, exact: false, most: 161 }],
    ["anything else", file("a.webm", "audio/webm;codecs=opus", new Uint8Array(6_000)), { seconds: 1, exact: false, most: 25 }],
    ["nothing that is known", file("a", "", new Uint8Array(16_000)), { seconds: 1, exact: false, most: 65 }],
    ["more than anybody takes", file("a.ogg", "audio/ogg", new Uint8Array(10_000_000)), { most: 36_000 }],
  ])("%s", (_, recording, sound) => expect(soundOf(recording)).toMatchObject(sound));

  test("never has more seconds than are reserved for, whatever stands in it", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom("a.wav", "a.mp3", "a.flac", "a"), (bytes, name) => {
      const { most, seconds } = soundOf(file(name, "", new Uint8Array([...new TextEncoder().encode("RIFF0000WAVE"), ...bytes])));
      expect(seconds).toBeGreaterThanOrEqual(0);
      expect(seconds).toBeLessThanOrEqual(most);
    }));
  });
});

test("base64 of pieces is that of the whole, and as long as it says", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 }), fc.string(), (pieces, said) => {
    const body = withBase64(file("a.mp3", "", ...pieces), (data) => ({ before: `x${said}`, inner: { data }, said })) as { bytes: number; pieces: Iterable<Uint8Array> };
    const sent = new Uint8Array([...body.pieces].flatMap((piece) => [...piece]));
    expect(sent.length).toBe(body.bytes);
    expect(JSON.parse(new TextDecoder().decode(sent))).toEqual({ before: `x${said.toWellFormed()}`, inner: { data: new Uint8Array(pieces.flatMap((piece) => [...piece])).toBase64() }, said: said.toWellFormed() });
  }));
});

describe("subtitles", () => {
  const word = fc.tuple(fc.string({ minLength: 1, maxLength: 12 }), fc.double({ min: 0, max: 20, noNaN: true }), fc.double({ min: 0, max: 3, noNaN: true }), fc.constantFrom("a", "b", undefined));

  test("of words have every word once, in order, and no cue is too long", () => {
    fc.assert(fc.property(fc.array(word, { maxLength: 40 }), (drawn) => {
      let at = 0;
      const words = drawn.map(([text, pause, length, speaker]) => ({ word: text, start: (at += pause), end: (at += length), speaker }));
      const cues = segmentsOf(words);
      expect(cues.map(({ text }) => text).join(" ")).toBe(words.map(({ word: text }) => text.trim()).join(" "));
      for (const { text, start, end } of cues) expect(text.length <= 96 && start <= end).toBe(true);
      const last = lastCueOf(srtOf(cues));
      expect(last === undefined ? 0 : last).toBeCloseTo(words.at(-1)?.end ?? 0, 2);
      expect(lastCueOf(vttOf(cues))).toBe(last);
    }));
  });

  test("say nothing that a player takes for something else", () => {
    const said = [{ text: " a\n\n2\n00:00:09,000 --> 00:00:10,000\nb <i>&", start: 3_661.5, end: 3_662 }];
    expect(srtOf(said)).toBe("1\n01:01:01,500 --> 01:01:02,000\na\n2\n00:00:09,000 -> 00:00:10,000\nb <i>&\n\n");
    expect(vttOf(said)).toBe("WEBVTT\n\n01:01:01.500 --> 01:01:02.000\na\n2\n00:00:09,000 -> 00:00:10,000\nb &lt;i>&amp;\n\n");
  });
});
