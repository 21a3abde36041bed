import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { Pictures } from "../../src/pictures/index.ts";

const pictures = new Pictures(env.FILES);
const png = Uint8Array.fromBase64("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");
const hour = 3_600_000;
const bytesOf = (...codes: number[]): Uint8Array => Uint8Array.from([...codes, ...Array.from({ length: 20 }, () => 7)]);
const at = Date.UTC(2026, 10, 21, 12, 59, 59);

describe("a picture by its address", () => {
  test("is there for an hour, over the border of one, and not a moment longer", async () => {
    for (const now of [at, at + 1_000, at + 1_001, Math.floor(at / hour) * hour]) {
      const name = (await pictures.keep(png, now))!;
      expect(await pictures.show(name, now)).toEqual({ bytes: png, type: "image/png", filename: "picture.png" });
      expect((await pictures.show(name, now + hour - 1))?.bytes).toEqual(png);
      expect(await pictures.show(name, now + hour)).toBeUndefined();
    }
  });

  test("is what its first bytes say, and nothing that a browser would run", async () => {
    const named = async (bytes: Uint8Array) => (await pictures.keep(bytes, at))?.split(".")[1];
    expect(await named(bytesOf(0xff, 0xd8, 0xff, 0xe0))).toBe("jpg");
    expect(await named(new TextEncoder().encode("RIFF\x01\x02\x03\x04WEBPVP8 "))).toBe("webp");
    expect(await named(new TextEncoder().encode("GIF89a..."))).toBe("gif");
    for (const text of ["<svg xmlns='http://www.w3.org/2000/svg'/>", "<html>", "%PDF-1.7", "", "GIF8", "RIFF\x01\x02\x03\x04WAVE"]) expect(await named(new TextEncoder().encode(text))).toBeUndefined();
  });

  test("opens under no other name, nor where it was changed", async () => {
    const [one, other] = [(await pictures.keep(png, at))!, (await pictures.keep(png, at))!];
    expect(one).not.toBe(other);
    for (const name of [one.replace(".png", ".svg"), one.slice(1), `${one}x`, one.replace(".png", ""), "", "../x.png"]) expect(await pictures.show(name, at)).toBeUndefined();
    const { objects } = await env.FILES.list({ prefix: "pictures/" });
    for (const { key } of objects) {
      const bytes = new Uint8Array(await (await env.FILES.get(key))!.arrayBuffer());
      expect(bytes.toHex()).not.toContain(png.subarray(0, 8).toHex());
      bytes[3]! ^= 1;
      await env.FILES.put(key, bytes, { customMetadata: { until: String(at + hour) } });
    }
    await expect(pictures.show(one, at)).rejects.toThrow();
  });

  test("goes by night when its hour is over", async () => {
    const late = at + 24 * hour;
    const name = (await pictures.keep(png, late))!;
    await pictures.tidy(late);
    expect((await env.FILES.list({ prefix: "pictures/" })).objects).toHaveLength(1);
    expect(await pictures.show(name, late)).toBeDefined();
    await pictures.tidy(late + 3 * hour);
    expect((await env.FILES.list({ prefix: "pictures/" })).objects).toEqual([]);
  });
});
