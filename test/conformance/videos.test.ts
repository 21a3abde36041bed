/** Films with the official SDK over sockets: begun, followed, fetched, made of others and deleted, whoever makes them. */
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { OpenRouter } from "@openrouter/sdk";
import OpenAI, { BadRequestError, NotFoundError, toFile } from "openai";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { Outside } from "./outside.ts";
import { entryOf } from "../support/entry.ts";

const film = Buffer.from("ftypisom a film of some bytes");
const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
const keys = Object.fromEntries(["OPENAI", "GEMINI", "XAI", "OPENROUTER", "VERTEX"].map((name) => [`${name}_API_KEY`, `key-of-${name.toLowerCase()}-0123456789`]));
const outside = new Outside();
const log: string[] = [];
let gateway: LocalGateway;
let key: string;
let openai: OpenAI;

beforeAll(async () => {
  gateway = await startLocal({ port: 0, vars: { ...createKey.secrets, ...keys, VERTEX_PROJECT: "acme", VERTEX_LOCATION: "us-central1", UPSTREAM_RETRIES: "0", VIDEO_POLL_MS: "50" }, outbound: outside.answer, onLog: (line) => void log.push(line) });
  key = (await createKey(gateway.url, { limits: { requestsPerMinute: 100_000 } })).secret;
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
});
afterAll(() => gateway?.stop());
beforeEach(() => void (outside.left.length = 0));

/** Asks after a film until it has ended. */
async function ended(id: string): Promise<OpenAI.Video> {
  for (let tries = 0; tries < 300; tries += 1) {
    const video = await openai.videos.retrieve(id);
    if (video.status === "completed" || video.status === "failed") return video;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("the film does not end");
}

const bytesOf = async (id: string, headers: Record<string, string> = {}): Promise<{ response: Response; bytes: Buffer }> => {
  const response = await openai.videos.downloadContent(id, {}, { headers });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
};

test("OpenAI's, from a picture to the deleted film", async () => {
  let polls = 0;
  outside.play("api.openai.com/v1/videos", () => Response.json({ id: "video_theirs", object: "video", status: "queued" }));
  outside.play("api.openai.com/v1/videos/video_theirs", ({ method }) => (method === "DELETE" ? Response.json({ id: "video_theirs", deleted: true }) : Response.json({ id: "video_theirs", status: polls++ === 0 ? "in_progress" : "completed", progress: 50, seconds: "4", size: "1280x720" })));
  outside.play("api.openai.com/v1/videos/video_theirs/content", () => new Response(film, { headers: { "content-type": "video/mp4", "content-length": String(film.length) } }));
  const made = await openai.videos.create({ model: "openai/sora-2" as never, prompt: "a cat", seconds: "4", size: "1280x720", input_reference: await toFile(png, "cat.png", { type: "image/png" }) });
  expect(made).toMatchObject({ object: "video", status: "queued", model: "openai/sora-2", seconds: "4", size: "1280x720", prompt: "a cat" });
  const form = await outside.to("api.openai.com/v1/videos")[0]!.form();
  expect(["model", "prompt", "seconds", "size"].map((field) => form.get(field))).toEqual(["sora-2", "a cat", "4", "1280x720"]);
  expect(Buffer.from(await (form.get("input_reference") as File).arrayBuffer())).toEqual(png);
  await expect(openai.videos.downloadContent(made.id)).rejects.toThrow(/409/);
  expect(await ended(made.id)).toMatchObject({ status: "completed", progress: 100, completed_at: expect.any(Number) });
  expect((await bytesOf(made.id)).bytes).toEqual(film);
  expect((await Array.fromAsync(await openai.videos.list({ limit: 1 }))).map(({ id }) => id)).toContain(made.id);

  outside.play("api.openai.com/v1/videos/video_theirs/remix", () => Response.json({ id: "video_remixed", status: "queued" }));
  outside.play("api.openai.com/v1/videos/video_remixed", () => Response.json({ id: "video_remixed", status: "failed", error: { code: "moderation_blocked", message: "No dogs." } }));
  const remixed = await openai.videos.remix(made.id, { prompt: "a dog" });
  expect(remixed.remixed_from_video_id).toBe(made.id);
  expect(await ended(remixed.id)).toMatchObject({ status: "failed", error: { code: "moderation_blocked", message: "No dogs." } });
  outside.play("api.openai.com/v1/videos/edits", () => Response.json({ id: "video_remixed", status: "queued" }));
  const edited = await openai.videos.edit({ prompt: "a hat", video: { id: made.id } });
  await ended(edited.id);
  expect(outside.to("api.openai.com/v1/videos/edits")[0]!.json).toEqual({ prompt: "a hat", video: { id: "video_theirs" } });

  expect(await openai.videos.delete(made.id)).toEqual({ id: made.id, object: "video.deleted", deleted: true });
  expect(outside.left.find(({ method }) => method === "DELETE")).toMatchObject({ path: "/v1/videos/video_theirs" });
  await expect(openai.videos.retrieve(made.id)).rejects.toBeInstanceOf(NotFoundError);
  const stranger = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: (await createKey(gateway.url)).secret, maxRetries: 0 });
  await expect(stranger.videos.retrieve(remixed.id)).rejects.toBeInstanceOf(NotFoundError);
  expect(outside.left.every(({ headers }) => headers.get("authorization") === `Bearer ${keys.OPENAI_API_KEY}`)).toBe(true);
});

describe("Google's", () => {
  test("Veo: an operation, and a film that its key opens", async () => {
    outside.play("generativelanguage.googleapis.com/v1beta/models/veo-3.1-generate-preview:predictLongRunning", () => Response.json({ name: "models/veo-3.1-generate-preview/operations/op1" }));
    outside.play("generativelanguage.googleapis.com/v1beta/models/veo-3.1-generate-preview/operations/op1", () => Response.json({ done: true, response: { generateVideoResponse: { generatedSamples: [{ video: { uri: "https://generativelanguage.googleapis.com/v1beta/files/f1:download?alt=media" } }] } } }));
    outside.play("generativelanguage.googleapis.com/v1beta/files/f1:download", () => new Response(null, { status: 302, headers: { location: "https://generativelanguage.googleapis.com/download/f1" } }));
    outside.play("generativelanguage.googleapis.com/download/f1", ({ headers }) => new Response(film.subarray(0, 4), { status: headers.get("range") === "bytes=0-3" ? 206 : 400, headers: { "content-type": "video/mp4", "content-range": `bytes 0-3/${film.length}` } }));
    const made = await openai.videos.create({ model: "gemini/veo-3.1-generate-preview" as never, prompt: "a cat", seconds: "8", size: "1280x720" });
    expect(await ended(made.id)).toMatchObject({ status: "completed", seconds: "8" });
    expect(outside.left[0]!.json).toEqual({ instances: [{ prompt: "a cat" }], parameters: { aspectRatio: "16:9", resolution: "720p", durationSeconds: 8 } });
    const { response, bytes } = await bytesOf(made.id, { range: "bytes=0-3" });
    expect([response.status, response.headers.get("content-range"), bytes]).toEqual([206, `bytes 0-3/${film.length}`, film.subarray(0, 4)]);
    expect(outside.to("generativelanguage.").every(({ headers }) => headers.get("x-goog-api-key") === keys.GEMINI_API_KEY)).toBe(true);
    await expect(openai.videos.downloadContent(made.id, { variant: "thumbnail" })).rejects.toBeInstanceOf(BadRequestError);
    await expect(openai.videos.remix(made.id, { prompt: "a dog" })).rejects.toThrow("makes no remix of a film");
  });

  test("at Vertex AI the film is in the answer: it is kept here, sealed, and had in parts", async () => {
    const at = "us-central1-aiplatform.googleapis.com/v1/projects/acme/locations/us-central1/publishers/google/models/veo-3.1-generate-001";
    outside.play(`${at}:predictLongRunning`, () => Response.json({ name: "projects/acme/operations/op2" }));
    outside.play(`${at}:fetchPredictOperation`, ({ json }) => (json.operationName === "projects/acme/operations/op2" ? Response.json({ done: true, response: { videos: [{ bytesBase64Encoded: film.toString("base64"), mimeType: "video/mp4" }] } }) : new Response(null, { status: 400 })));
    const made = await openai.videos.create({ model: "vertex/veo-3.1-generate-001" as never, prompt: "a cat", seconds: "4" });
    expect(await ended(made.id)).toMatchObject({ status: "completed" });
    expect((await bytesOf(made.id)).bytes).toEqual(film);
    const part = await bytesOf(made.id, { range: "bytes=-5" });
    expect([part.response.status, part.response.headers.get("content-range"), part.bytes]).toEqual([206, `bytes ${film.length - 5}-${film.length - 1}/${film.length}`, film.subarray(-5)]);
    expect((await fetch(`${gateway.url}/v1/videos/${made.id}/content`, { headers: { authorization: `Bearer ${key}`, range: "bytes=900-" } })).status).toBe(416);
    await openai.videos.delete(made.id);
    await expect(openai.videos.downloadContent(made.id)).rejects.toBeInstanceOf(NotFoundError);
  });
});

test("OpenRouter's, at the price that it names", async () => {
  outside.play("openrouter.ai/api/v1/videos", () => Response.json({ id: "job1", polling_url: "/api/v1/videos/job1", status: "pending" }, { status: 202 }));
  outside.play("openrouter.ai/api/v1/videos/job1", () => Response.json({ id: "job1", status: "completed", unsigned_urls: ["https://openrouter.ai/api/v1/videos/job1/content?index=0"], usage: { cost: 0.4, is_byok: false } }));
  outside.play("openrouter.ai/api/v1/videos/job1/content", () => new Response(film, { headers: { "content-type": "text/html" } }));
  const made = await openai.videos.create({ model: "openrouter/google/veo-3.1" as never, prompt: "a cat", seconds: "8", size: "1280x720" });
  await ended(made.id);
  expect(outside.left[0]!.json).toEqual({ model: "google/veo-3.1", prompt: "a cat", duration: 8, size: "1280x720" });
  const { response, bytes } = await bytesOf(made.id);
  expect([response.headers.get("content-type"), response.headers.get("x-content-type-options"), bytes]).toEqual(["video/mp4", "nosniff", film]);
});

describe("by OpenRouter's clients", () => {
  const at = "generativelanguage.googleapis.com/v1beta";
  const plays = (): void => {
    outside.play(`${at}/models/veo-3.1-generate-001:predictLongRunning`, () => Response.json({ name: "models/veo-3.1-generate-001/operations/op9" }));
    outside.play(`${at}/models/veo-3.1-generate-001/operations/op9`, () => Response.json({ done: true, response: { generateVideoResponse: { generatedSamples: [{ video: { uri: `https://${at}/files/f9:download?alt=media` } }] } } }));
    outside.play(`${at}/files/f9:download`, () => new Response(film, { headers: { "content-type": "video/mp4" } }));
  };
  const model = "gemini/veo-3.1-generate-001";
  const router = (): OpenRouter => new OpenRouter({ apiKey: key, serverURL: `${gateway.url}/api/v1`, retryConfig: { strategy: "none" } });

  test("its SDK: begun, asked after, fetched and listed", async () => {
    plays();
    const { videoGeneration } = router();
    const begun = await videoGeneration.generate({ videoGenerationRequest: { model, prompt: "a cat", duration: 4, aspectRatio: "16:9" } });
    expect(begun).toMatchObject({ status: "pending", pollingUrl: `${gateway.url}/api/v1/videos/${begun.id}` });
    await ended(begun.id);
    const done = await videoGeneration.getGeneration({ jobId: begun.id });
    expect(done).toMatchObject({ id: begun.id, status: "completed", unsignedUrls: [`${gateway.url}/api/v1/videos/${begun.id}/content?index=0`] });
    expect(done.usage!.cost).toBeGreaterThan(0);
    expect(Buffer.from(await new Response(await videoGeneration.getVideoContent({ jobId: begun.id, index: 0 })).arrayBuffer())).toEqual(film);
    const { data } = await videoGeneration.listVideosModels();
    expect(data.find(({ id }) => id === model)).toMatchObject({ pricingSkus: { duration_seconds: expect.stringMatching(/^0\.\d+$/) as string } });
  });

  test("its provider of the AI SDK", async () => {
    plays();
    const { videos } = await createOpenRouter({ apiKey: key, baseURL: `${gateway.url}/api/v1` }).videoModel(model, { pollIntervalMs: 50 })
      .doGenerate({ prompt: "a cat", n: 1, duration: 4, aspectRatio: undefined, resolution: undefined, seed: undefined, image: undefined, providerOptions: {} } as never);
    expect(videos).toMatchObject([{ type: "url", url: expect.stringContaining("/content?index=0") as string }]);
  });

  test("its end is told at the address that was named, signed", async () => {
    plays();
    outside.play("app.example/hook", () => new Response(null, { status: 204 }));
    const { id } = await router().videoGeneration.generate({ videoGenerationRequest: { model, prompt: "a cat", duration: 4, callbackUrl: "https://app.example/hook" } });
    await vi.waitFor(() => expect(outside.to("app.example")).toHaveLength(1), { timeout: 10_000 });
    const { text, headers } = outside.to("app.example")[0]!;
    expect(JSON.parse(text)).toMatchObject({ type: "video.generation.completed", data: { id, status: "completed", unsigned_urls: [`${gateway.url}/api/v1/videos/${id}/content?index=0`] } });
    const { data: { secret } } = (await (await fetch(`${gateway.url}/api/v1/videos/webhook-secret`, { headers: { authorization: `Bearer ${key}` } })).json()) as { data: { secret: string } };
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers.get("x-openrouter-signature")!)!;
    expect(createHmac("sha256", secret).update(`${t},${text}`).digest("hex")).toBe(v1);
  });

  test("is refused in its words, and nobody is called back", async () => {
    const refused = (request: object): Promise<unknown> => router().videoGeneration.generate({ videoGenerationRequest: { model, prompt: "a cat", ...request } as never }).then(() => undefined, (thrown: unknown) => thrown);
    expect(await refused({ callbackUrl: "https://10.0.0.1/hook" })).toMatchObject({ statusCode: 400, error: { code: 400, message: expect.stringContaining("callback_url") as string } });
    expect(await refused({ model: "no-such-model" })).toMatchObject({ statusCode: 404, error: { code: 404 } });
    expect(await refused({ prompt: undefined })).toMatchObject({ statusCode: 400 });
    expect(outside.left).toEqual([]);
    plays();
    const frame = { type: "image_url", imageUrl: { url: `data:image/png;base64,${png.toString("base64")}` }, frameType: "first_frame" } as const;
    const { id } = await router().videoGeneration.generate({ videoGenerationRequest: { model, frameImages: [frame], provider: { options: {} } } });
    await ended(id);
    expect(outside.left[0]!.json.instances).toEqual([{ image: { bytesBase64Encoded: png.toString("base64"), mimeType: "image/png" } }]);
    await expect(router().videoGeneration.getGeneration({ jobId: "video_none" })).rejects.toMatchObject({ statusCode: 404 });
  });
});

test("an address goes to the provider, and what is no film is refused before anything is held", async () => {
  outside.play("api.x.ai/v1/videos/generations", () => Response.json({ error: "no such picture" }, { status: 400 }));
  const send = (body: object): Promise<Response> => fetch(`${gateway.url}/v1/videos`, { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json" }, body: JSON.stringify(body) });
  for (const image_url of ["http://169.254.169.254/", "file:///etc/passwd"]) expect((await send({ model: "xai/grok-imagine-video", prompt: "p", input_reference: { image_url } })).status).toBe(400);
  expect(outside.left.map(({ host }) => host)).toEqual(["api.x.ai", "api.x.ai"]);
  const form = (text: string) => fetch(`${gateway.url}/v1/videos`, { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "multipart/form-data; boundary=b" }, body: text });
  for (const text of ['--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nhi', "nothing", '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nopenai/sora-2\r\n--b--\r\n']) expect((await form(text)).status).toBe(400);
  expect(outside.left).toHaveLength(2);
});

const recordings = new URL("../../../shared/recordings/corpus/", import.meta.url);
type Recording = { id: string; status: number; request: { method: string; path: string; body?: unknown }; response: { body_text: string } };
const recorded = (folder: string): Recording[] => readdirSync(new URL(folder, recordings)).map((file) => JSON.parse(readFileSync(new URL(`${folder}/${file}`, recordings), "utf8")) as Recording);

/** Skipped on a clone alone: the recordings lie beside the project, and are no part of it. */
describe.runIf(existsSync(recordings))("as recorded", () => {
  test("xAI's: asked as it was asked, followed as it went, charged what it said, and kept when its address is gone", async () => {
    const all = recorded("xai/videos");
    const begin = all.find(({ request }) => request.method === "POST")!;
    const going = all.filter(({ status }) => status === 202).sort((a, b) => (JSON.parse(a.response.body_text) as { progress: number }).progress - (JSON.parse(b.response.body_text) as { progress: number }).progress);
    const done = all.find(({ request, status }) => request.method === "GET" && status === 200)!;
    const replayed = new Set<string>();
    const replay = ({ id, status, response }: Recording): Response => {
      replayed.add(id);
      return new Response(response.body_text, { status, headers: { "content-type": "application/json" } });
    };
    const order = [...going, done];
    outside.play("api.x.ai/v1/videos/generations", () => replay(begin));
    outside.play("api.x.ai/v1/videos/c84748c1", () => replay(order.shift() ?? done));
    let there = true;
    outside.play("vidgen.x.ai/", ({ headers }) => (there && !headers.has("authorization") ? new Response(film, { headers: { "content-type": "video/mp4" } }) : new Response(null, { status: 404 })));
    const { model: _, ...asked } = begin.request.body as { model: string };
    const { duration, ...rest } = asked as unknown as { prompt: string; duration: number };
    const { data: made, response } = await openai.videos.create({ model: "xai/grok-imagine-video" as never, ...rest, seconds: String(duration) as never }).withResponse();
    expect(outside.left[0]).toMatchObject({ json: begin.request.body, path: begin.request.path });
    expect(await ended(made.id)).toMatchObject({ status: "completed", seconds: "1" });
    expect(await entryOf(gateway.url, key, response.headers.get("x-request-id"))).toMatchObject({ costNanoUsd: 50_000_000, costSource: "reported", usage: { pieces: { video_second: 1 } } });
    there = false;
    expect((await bytesOf(made.id)).bytes).toEqual(film);
    expect([replayed.size, all.length]).toEqual([6, 6]);
    expect(going.map(({ response: { body_text } }) => JSON.parse(body_text) as object)).toEqual([1, 18, 56, 94].map((progress) => ({ status: "pending", progress })));
  });

  test("Veo's: asked as it was asked", async () => {
    const [begin] = recorded("gemini/predict");
    outside.play("generativelanguage.googleapis.com/v1beta/models/veo-3.1-lite-generate-preview:predictLongRunning", () => new Response(begin!.response.body_text, { headers: { "content-type": "application/json" } }));
    outside.play("generativelanguage.googleapis.com/v1beta/models/veo-3.1-lite-generate-preview/operations/umz7sqimep69", () => Response.json({ done: true, error: { code: 3, message: "no" } }));
    const made = await openai.videos.create({ model: "gemini/veo-3.1-lite-generate-preview" as never, prompt: "a calm ocean wave at sunset", seconds: "4" });
    expect(outside.left[0]).toMatchObject({ json: begin!.request.body, path: begin!.request.path });
    expect(await ended(made.id)).toMatchObject({ status: "failed", error: { code: "3", message: "no" } });
  });
});

test("leaves nothing in the log", () => {
  expect(log.filter((line) => /exception|unexpected|TypeError|step_failed/i.test(line))).toEqual([]);
});
