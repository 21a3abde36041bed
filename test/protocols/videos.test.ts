/** Films: what a request is, what each maker hears of it, how its answers are read, and how a film is told of. */
import { describe, expect, test } from "vitest";
import { SentFile } from "../../src/protocols/crossing.ts";
import { openaiVideos, renderOpenrouterVideo, renderVideo, type Video } from "../../src/protocols/index.ts";
import type { Begin, JobMaker, Progress } from "../../src/protocols/job.ts";
import { videoWishIn } from "../../src/protocols/media/video-wish.ts";

const png = "iVBORw0KGgoAAAANSUhEUg==";
const picture = new SentFile("a.png", "image/png", [Uint8Array.fromBase64(png)]);
const maker = (id: string): JobMaker => openaiVideos.jobs!.find((one) => one.id === id)!;
const shown = ({ path, body, losses }: Begin) => ({
  path, losses: [...losses].sort(),
  body: typeof body === "string" ? (JSON.parse(body) as unknown) : "form" in body ? Object.fromEntries(Object.entries(body.form).map(([name, value]) => [name, value instanceof SentFile ? `${value.filename} ${value.bytes}` : value])) : body.type,
});

describe("a request", () => {
  const parse = (over: object) => openaiVideos.parse({ model: "m", prompt: "a cat", ...over });

  test("is bounded by its seconds", () => {
    expect(parse({ seconds: "8" })).toMatchObject({ pieces: { video_second: 8 }, stream: false, inputTokens: 0, outputTokens: 0 });
    expect(parse({ duration: 5 }).pieces).toEqual({ video_second: 5 });
    expect(parse({}).pieces).toEqual({ video_second: 20 });
  });

  test.each<[object, string]>([[{ model: "" }, "model"], [{ prompt: undefined }, "prompt"], [{ prompt: "x".repeat(32_001) }, "prompt"], [{ seconds: "0" }, "seconds"], [{ seconds: "4.5" }, "seconds"], [{ seconds: 1e9 }, "seconds"], [{ size: 720 }, "size"]])("%j is refused", (over, param) => {
    expect(() => parse(over)).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param } }));
  });
});

type Row = { id: string; model: string; ask: Record<string, unknown>; path: string; body: unknown; losses?: string[] };
const rows: Record<string, Row> = {
  "OpenAI, a form": { id: "openai-videos", model: "sora-2", ask: { seconds: "8", size: "1280x720", input_reference: picture }, path: "/videos", body: { model: "sora-2", prompt: "a cat", seconds: "8", size: "1280x720", input_reference: "a.png 16" } },
  "OpenAI, in others' words": {
    id: "openai-videos", model: "sora-2", ask: { duration: 8, aspect_ratio: "16:9", generate_audio: true, frame_images: [{ type: "image_url", image_url: { url: "https://a.example/a.png" }, frame_type: "first_frame" }] }, path: "/videos",
    body: { model: "sora-2", prompt: "a cat", seconds: "8", input_reference: { image_url: "https://a.example/a.png" } }, losses: ["field:aspect_ratio", "field:generate_audio"],
  },
  "Veo": { id: "gemini-videos", model: "veo-3.1-generate-preview", ask: { seconds: "8", size: "1080x1920", input_reference: picture, seed: 7, generate_audio: false }, path: "/models/veo-3.1-generate-preview:predictLongRunning", body: { instances: [{ prompt: "a cat", image: { bytesBase64Encoded: png, mimeType: "image/png" } }], parameters: { aspectRatio: "9:16", resolution: "1080p", durationSeconds: 8, seed: 7 } }, losses: ["field:generate_audio"] },
  "Veo, a size that it has not": { id: "gemini-videos", model: "veo-3.1-generate-preview", ask: { size: "1000x1000", user: "u" }, path: "/models/veo-3.1-generate-preview:predictLongRunning", body: { instances: [{ prompt: "a cat" }], parameters: { aspectRatio: "16:9" } }, losses: ["field:size", "user"] },
  "Veo at Vertex AI": { id: "vertex-videos", model: "veo-3.1-generate-001", ask: { seconds: 4, generate_audio: true, resolution: "4K", aspect_ratio: "16:9" }, path: "/publishers/google/models/veo-3.1-generate-001:predictLongRunning", body: { instances: [{ prompt: "a cat" }], parameters: { aspectRatio: "16:9", resolution: "4k", durationSeconds: 4, generateAudio: true } } },
  "OpenRouter": { id: "openrouter-videos", model: "google/veo-3.1", ask: { seconds: "8", size: "1280x720", input_reference: { image_url: "https://a.example/a.png" }, style: "noir" }, path: "/videos", body: { model: "google/veo-3.1", prompt: "a cat", duration: 8, size: "1280x720", frame_images: [{ type: "image_url", image_url: { url: "https://a.example/a.png" }, frame_type: "first_frame" }] }, losses: ["field:style"] },
  "xAI": { id: "xai-videos", model: "grok-imagine-video", ask: { seconds: "6", size: "1280x720", input_reference: picture }, path: "/videos/generations", body: { model: "grok-imagine-video", prompt: "a cat", duration: 6, aspect_ratio: "16:9", resolution: "720p", image: { url: `data:image/png;base64,${png}` } } },
};

test.each(Object.entries(rows))("%s hears what can be said, and the rest is declared", (_, { id, model, ask, path, body, losses = [] }) => {
  const json = { model: "ours", prompt: "a cat", ...ask };
  expect(shown(maker(id).begin(videoWishIn(json), model))).toEqual({ path, body, losses: [...losses].sort() });
});

test("a picture that must be bytes is refused as an address", () => {
  const wish = videoWishIn({ model: "m", prompt: "p", "input_reference[image_url]": "https://a.example/a.png" });
  for (const id of ["gemini-videos", "vertex-videos"]) expect(() => maker(id).begin(wish, "veo-3")).toThrow("send their bytes");
  for (const id of ["openrouter-videos", "xai-videos"]) expect(() => maker(id).begin(videoWishIn({ prompt: "p", input_reference: { file_id: "file-1" } }), "m")).toThrow("does not know the file");
});

const heard: readonly [id: string, answer: Record<string, unknown>, status: number, progress: Partial<Progress>][] = [
  ["openai-videos", { status: "queued", progress: 0 }, 200, { is: "running", begun: false, percent: 0 }],
  ["openai-videos", { status: "in_progress", progress: 33 }, 200, { is: "running", begun: true, percent: 33 }],
  ["openai-videos", { status: "completed", seconds: "12", expires_at: 9 }, 200, { is: "done", seconds: 12, expiresAtS: 9 }],
  ["openai-videos", { status: "failed", error: { code: "moderation_blocked", message: "no" } }, 200, { is: "failed", code: "moderation_blocked", message: "no" }],
  ["openai-videos", {}, 200, { is: "running" }],
  ["gemini-videos", { name: "models/veo/operations/1" }, 200, { is: "running" }],
  ["gemini-videos", { done: true, response: { generateVideoResponse: { generatedSamples: [{ video: { uri: "https://a" } }, { video: { uri: "https://b" } }] } } }, 200, { is: "done", film: "https://a", films: 2 }],
  ["gemini-videos", { done: true, response: { generateVideoResponse: { raiMediaFilteredReasons: ["no cats"] } } }, 200, { is: "failed", code: "moderation_blocked", message: "no cats" }],
  ["gemini-videos", { done: true, error: { code: 8, message: "quota" } }, 200, { is: "failed", code: "8", message: "quota" }],
  ["vertex-videos", { done: true, response: { videos: [{ bytesBase64Encoded: "AAAA" }] } }, 200, { is: "done", bytes: "AAAA" }],
  ["vertex-videos", { done: true, response: {} }, 200, { is: "failed", message: "Nothing was made." }],
  ["openrouter-videos", { status: "pending" }, 200, { is: "running", begun: false }],
  ["openrouter-videos", { status: "completed", unsigned_urls: ["a"], usage: { cost: 0.25 } }, 200, { is: "done", reportedNanoUsd: 250_000_000, films: 1 }],
  ["openrouter-videos", { status: "dead", error: "it died" }, 200, { is: "failed", code: "dead", message: "it died" }],
  ["xai-videos", { status: "pending", progress: 18 }, 202, { is: "running", begun: true, percent: 18 }],
  ["xai-videos", { status: "done", video: { url: "https://vidgen.x.ai/a", duration: 1 }, usage: { cost_in_usd_ticks: 500_000_000 } }, 200, { is: "done", film: "https://vidgen.x.ai/a", seconds: 1, reportedNanoUsd: 50_000_000 }],
  ["xai-videos", { status: "failed", error: { message: "no" } }, 200, { is: "failed", code: "failed", message: "no" }],
];
test.each(heard)("%s says %j", (id, answer, status, progress) => {
  expect(maker(id).progress(answer, status)).toMatchObject(progress);
});

describe.each(openaiVideos.jobs!.map((one) => [one.id, one] as const))("%s", (_, one) => {
  test("keeps to its own paths, whatever it calls a film", () => {
    for (const name of ["../../x", "a/../../x", "..", ".", "a/./b", "/a", "a//b", "a?b", "a#b", "a\\b", "", "x".repeat(1_001), 7, null]) expect(one.begun({ id: name, name, request_id: name })).toBeUndefined();
    for (const ref of ["models/m/operations/1", "%2e%2e", "...", "video_1"]) {
      expect(one.begun({ id: ref, name: ref, request_id: ref })).toBe(ref);
      const { at } = one.poll(ref, "m");
      expect(new URL(`https://they.example/v1${at}`).pathname).toMatch(/^\/v1\/.+/);
      expect(new URL(`https://they.example/v1${at}`).search).toBe("");
      if (one.remove) expect(new URL(`https://they.example/v1${one.remove(ref)}`).pathname).toMatch(/^\/v1\/videos\/.+/);
    }
    expect(one.begun({})).toBeUndefined();
  });

  test("gives only what there is of a film", () => {
    expect(one.content("1", undefined, "spritesheet") === undefined || one.id === "openai-videos").toBe(true);
    expect(["remix", "edits", "extensions"].filter((how) => one.derive?.(how as "remix", { ref: "1", film: "https://a" }, videoWishIn({ prompt: "p" }), "m") !== undefined)).toEqual(one.id === "openai-videos" ? ["remix", "edits", "extensions"] : one.id === "xai-videos" ? ["edits", "extensions"] : []);
  });
});

describe("a film is told", () => {
  const film: Video = { id: "video_1", requestId: "req_1", model: "m", status: "completed", percent: 100, createdAtS: 1, completedAtS: 2, expiresAtS: undefined, seconds: 8, size: "1280x720", prompt: "a cat", error: undefined, madeFrom: undefined, costUsd: 0.8, isOwnKey: false };
  const failed: Video = { ...film, status: "expired", completedAtS: undefined, error: { code: "expired", message: "too late" }, costUsd: undefined };

  test("as OpenAI does", () => {
    expect(renderVideo(film)).toEqual({ id: "video_1", object: "video", model: "m", status: "completed", progress: 100, created_at: 1, completed_at: 2, expires_at: null, seconds: "8", size: "1280x720", prompt: "a cat", error: null, remixed_from_video_id: null });
    expect(renderVideo(failed)).toMatchObject({ status: "failed", completed_at: null, error: { code: "expired", message: "too late" } });
  });

  test("and as OpenRouter does", () => {
    const at = "https://forge.example/api/v1/videos";
    expect(renderOpenrouterVideo(film, at)).toEqual({ id: "video_1", polling_url: `${at}/video_1`, status: "completed", generation_id: "gen-1", unsigned_urls: [`${at}/video_1/content?index=0`], usage: { cost: 0.8, is_byok: false } });
    expect(renderOpenrouterVideo(failed, at)).toEqual({ id: "video_1", polling_url: `${at}/video_1`, status: "expired", generation_id: "gen-1", error: "too late" });
    expect(renderOpenrouterVideo({ ...film, status: "queued" }, at)).toMatchObject({ status: "pending" });
  });
});
