/** Pictures at /api/v1/images with OpenRouter's own SDK, which checks every answer by its schema, over sockets: whoever draws. */
import { OpenRouter } from "@openrouter/sdk";
import type { ImageGenerationRequest, ImageGenerationResponse } from "@openrouter/sdk/models";
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { generateImage } from "ai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { Outside } from "./outside.ts";
import { entryOf } from "../support/entry.ts";

const base64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const png = Buffer.from(base64, "base64");
const dataUrl = `data:image/png;base64,${base64}`;
const usage = { input_tokens: 12, output_tokens: 1056, total_tokens: 1068, input_tokens_details: { text_tokens: 12, image_tokens: 0 } };
const outside = new Outside();
const vars = Object.fromEntries(["OPENAI", "GEMINI", "BFL", "STABILITY", "MISTRAL", "XAI", "WORKERS_AI", "OPENROUTER", "TOGETHER"].map((name) => [`${name}_API_KEY`, `key-of-${name.toLowerCase()}-0123456789`]));
let gateway: LocalGateway;
let key: string;
let router: OpenRouter;
let sovereign: OpenRouter;

const sdk = (apiKey: string): OpenRouter => new OpenRouter({ apiKey, serverURL: `${gateway.url}/api/v1`, retryConfig: { strategy: "none" } });
const draw = async (request: Omit<ImageGenerationRequest, "stream">, by = router): Promise<ImageGenerationResponse> => (await by.images.generate({ imageGenerationRequest: request })) as ImageGenerationResponse;
type Event = { type: string; b64Json?: string; partialImageIndex?: number; usage?: object; mediaType?: string; created?: number; error?: { message: string; code?: string | null } };
const events = async (request: ImageGenerationRequest): Promise<Event[]> => Array.fromAsync((await router.images.generate({ imageGenerationRequest: { ...request, stream: true } })) as unknown as AsyncIterable<Event>);
/** By hand, where the answer's headers are looked at, or the SDK would not send it. */
const post = (body: unknown, headers: Record<string, string> = {}): Promise<Response> => fetch(`${gateway.url}/api/v1/images`, { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers }, body: typeof body === "string" ? body : JSON.stringify(body) });

type Entry = { status: number; end: string; deployment: string; usage: { inputTokens: number; outputTokens: number; pieces?: object }; costNanoUsd?: number; costUsd?: string };
const entry = (id: string | null): Promise<Entry> => entryOf(gateway.url, key, id);

beforeAll(async () => {
  gateway = await startLocal({ port: 0, vars: { ...createKey.secrets, ...vars, CLOUDFLARE_ACCOUNT_ID: "acc0", SOVEREIGN_ORIGIN: "http://self.example/v1", UPSTREAM_RETRIES: "0" }, outbound: outside.answer });
  key = (await createKey(gateway.url, { limits: { requestsPerMinute: 100_000 } })).secret;
  router = sdk(key);
  sovereign = sdk((await createKey(gateway.url, { sovereign: true, limits: { requestsPerMinute: 1_000 } })).secret);
  outside.play("self.example/v1/models", () => Response.json({ data: [{ id: "sdxl-turbo" }] }));
});
afterAll(() => gateway?.stop());
beforeEach(() => {
  outside.left.length = 0;
  for (const path of ["generations", "edits"]) outside.play(`api.openai.com/v1/images/${path}`, () => Response.json({ created: 5, data: [{ b64_json: base64 }], usage, size: "1024x1024" }));
  outside.play("generativelanguage.googleapis.com/v1beta/models/", () => Response.json({
    candidates: [{ content: { parts: [{ inlineData: { mimeType: "image/png", data: base64 } }] }, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 1290, totalTokenCount: 1298 },
  }));
});

describe("a picture", () => {
  test("of OpenAI's is told in OpenRouter's words, with what the ledger charges", async () => {
    const told = await draw({ model: "openai/gpt-image-2", prompt: "a cat", quality: "low", aspectRatio: "16:9", resolution: "2K", outputFormat: "jpeg", outputCompression: 70, seed: 4, provider: { only: ["openai"] } });
    expect(told).toMatchObject({ created: 5, data: [{ b64Json: base64, mediaType: "image/png" }], usage: { promptTokens: 12, completionTokens: 1056, totalTokens: 1068, isByok: false, completionTokensDetails: { imageTokens: 1056 } } });
    expect(outside.to("api.openai.com")[0]!.json).toEqual({ model: "gpt-image-2", prompt: "a cat", size: "2736x1536", quality: "low", output_format: "jpeg", output_compression: 70 });
    const answer = await post({ model: "openai/gpt-image-2", prompt: "a cat", seed: 4 });
    expect([answer.headers.get("x-forge-losses"), answer.headers.get("x-generation-id")]).toEqual(["seed", answer.headers.get("x-request-id")!.replace("req_", "gen-")]);
    const { usage: { cost } } = (await answer.json()) as { usage: { cost: number } };
    expect(cost).toBeGreaterThan(0);
    expect(String(cost)).toBe(answer.headers.get("x-forge-cost"));
    expect(await entry(answer.headers.get("x-request-id"))).toMatchObject({ status: 200, end: "complete", deployment: "openai/gpt-image-2", usage: { outputTokens: 1056 } });
  });

  test("is seen as a stream: what is there of it, then all of it and its price", async () => {
    const frame = (type: string, more: object) => `event: ${type}\ndata: ${JSON.stringify({ type, b64_json: base64, created_at: 7, size: "auto", ...more })}\n\n`;
    const text = `: hi\n\n${frame("image_generation.partial_image", { partial_image_index: 0 })}${frame("image_generation.partial_image", { partial_image_index: 1 })}${frame("image_generation.completed", { usage })}`;
    outside.play("api.openai.com/v1/images/generations", () => new Response(text, { headers: { "content-type": "text/event-stream" } }));
    const seen = await events({ model: "openai/gpt-image-2", prompt: "a cat" });
    expect(seen).toEqual([
      { type: "image_generation.partial_image", b64Json: base64, partialImageIndex: 0 }, { type: "image_generation.partial_image", b64Json: base64, partialImageIndex: 1 },
      { type: "image_generation.completed", b64Json: base64, mediaType: "image/png", created: 7, usage: expect.objectContaining({ promptTokens: 12, completionTokens: 1056, cost: expect.any(Number) }) },
    ]);
    expect(outside.to("api.openai.com")[0]!.json).toMatchObject({ stream: true, partial_images: 2 });
  });

  test("that breaks ends with an error event, before its first word with an error", async () => {
    const refusal = { type: "error", error: { type: "image_generation_user_error", code: "moderation_blocked", message: "Blocked.", param: null } };
    const partial = { type: "image_generation.partial_image", b64_json: base64, partial_image_index: 0 };
    outside.play("api.openai.com/v1/images/generations", () => new Response(`data: ${JSON.stringify(partial)}\n\nevent: error\ndata: ${JSON.stringify(refusal)}\n\n`, { headers: { "content-type": "text/event-stream" } }));
    expect(await events({ model: "openai/gpt-image-2", prompt: "a cat" })).toMatchObject([{ type: "image_generation.partial_image" }, { type: "error", error: { message: "Blocked.", code: "moderation_blocked" } }]);
    outside.play("api.openai.com/v1/images/generations", () => new Response(`data: ${JSON.stringify(partial)}\n\n`, { headers: { "content-type": "text/event-stream" } }));
    expect(await events({ model: "openai/gpt-image-2", prompt: "a cat" })).toMatchObject([{ type: "image_generation.partial_image" }, { type: "error", error: { message: expect.stringContaining("broke off"), code: "upstream_error" } }]);
    outside.play("api.openai.com/v1/images/generations", () => Response.json({ error: { message: "Blocked.", code: "moderation_blocked" } }, { status: 400 }));
    await expect(draw({ model: "openai/gpt-image-2", prompt: "a cat" })).rejects.toMatchObject({ statusCode: 400, error: { code: 400, message: expect.stringContaining("Blocked.") } });
  });

  test.each<[string, string, Partial<ImageGenerationRequest>, object, string[]]>([
    ["GPT Image 1 has three sizes", "gpt-image-1-mini", { aspectRatio: "16:9", resolution: "4K" }, { size: "1536x1024" }, ["field:aspect_ratio", "field:resolution"]],
    ["and says so of none that is asked for", "gpt-image-1-mini", { aspectRatio: "2:3", resolution: "1K", background: "transparent" }, { size: "1024x1536", background: "transparent" }, []],
    ["GPT Image 2 has any, up to a bound", "gpt-image-2", { aspectRatio: "1:1", resolution: "4K" }, { size: "2880x2880" }, []],
    ["no longer than three times its height", "gpt-image-2", { aspectRatio: "8:1" }, { size: "1776x592" }, ["field:aspect_ratio"]],
    ["and none so small", "gpt-image-2", { size: "512" }, { size: "816x816" }, ["field:resolution"]],
    ["a size in pixels is what it is", "gpt-image-2", { size: "1024x768" }, { size: "1024x768" }, []],
    ["DALL·E 3 has words of its own", "dall-e-3", { aspectRatio: "4:3", quality: "high", outputFormat: "webp" }, { size: "1792x1024", quality: "hd", response_format: "b64_json" }, ["field:aspect_ratio", "field:output_format"]],
    ["DALL·E 2 has small ones", "dall-e-2", { resolution: "512" }, { size: "512x512", response_format: "b64_json" }, []],
  ])("%s", async (_, model, request, body, losses) => {
    const { aspectRatio, outputFormat, ...same } = request;
    const answer = await post({ model: `openai/${model}`, prompt: "a cat", ...same, ...(aspectRatio && { aspect_ratio: aspectRatio }), ...(outputFormat && { output_format: outputFormat }) });
    expect(answer.status, await answer.clone().text()).toBe(200);
    expect(outside.to("api.openai.com")[0]!.json).toEqual({ model, prompt: "a cat", ...body });
    expect((answer.headers.get("x-forge-losses") ?? "").split(", ").filter(Boolean).sort()).toEqual(losses.sort());
  });

  test("of Gemini's has Google's ratio and scale, and is one event where a stream was asked for", async () => {
    const request: ImageGenerationRequest = { model: "gemini/gemini-3-pro-image", prompt: "a cat", aspectRatio: "21:9", resolution: "4K" };
    expect(await draw(request)).toMatchObject({ data: [{ b64Json: base64 }], usage: { promptTokens: 8, completionTokens: 1290 } });
    expect(outside.to("generativelanguage.googleapis.com")[0]!.json).toMatchObject({ generationConfig: { imageConfig: { aspectRatio: "21:9", imageSize: "4K" } } });
    expect(await events({ ...request, n: 2 })).toMatchObject([{ type: "image_generation.completed", b64Json: base64 }, { type: "image_generation.completed", usage: { promptTokens: 16, completionTokens: 2580 } }]);
  });

  test("that a provider gives by its address is fetched there, whole or for a stream", async () => {
    outside.play("api.x.ai/v1/images/generations", () => Response.json({ data: [{ url: "https://imgen.x.ai/a.png" }], usage: { cost_in_usd_ticks: 200_000_000 } }));
    outside.play("imgen.x.ai/", ({ headers }) => (headers.has("authorization") ? new Response(null, { status: 500 }) : new Response(png, { headers: { "content-type": "image/png" } })));
    expect(await draw({ model: "xai/grok-imagine-image", prompt: "a cat", aspectRatio: "16:9", resolution: "2K" })).toMatchObject({ data: [{ b64Json: base64, mediaType: "image/png" }], usage: { cost: 0.02 } });
    expect(outside.to("api.x.ai")[0]!.json).toEqual({ model: "grok-imagine-image", prompt: "a cat", aspect_ratio: "16:9", resolution: "2k", response_format: "b64_json" });
    expect(await events({ model: "xai/grok-imagine-image", prompt: "a cat" })).toMatchObject([{ type: "image_generation.completed", b64Json: base64, usage: { cost: 0.02 } }]);
    outside.play("imgen.x.ai/", () => new Response(null, { status: 404 }));
    const answer = await post({ model: "xai/grok-imagine-image", prompt: "a cat" });
    expect([answer.status, await answer.json()]).toMatchObject([502, { error: { code: 502, message: expect.stringContaining("could not be had") } }]);
    expect(await entry(answer.headers.get("x-request-id"))).toMatchObject({ end: "upstream_error", usage: { pieces: { image: 1 } } });
  });

  test("of OpenRouter's own passes as it is", async () => {
    const body = { created: 9, data: [{ b64_json: base64, media_type: "image/webp" }], usage: { prompt_tokens: 3, completion_tokens: 9, total_tokens: 12, cost: 0.04 } };
    const bytes = JSON.stringify(body, null, 1);
    outside.play("openrouter.ai/api/v1/images", () => new Response(bytes, { headers: { "content-type": "application/json" } }));
    const answer = await post({ model: "openrouter/some/drawer", prompt: "a cat", resolution: "4K", aspect_ratio: "8:1", quality: "max" });
    expect([answer.status, await answer.text(), answer.headers.get("x-forge-losses"), answer.headers.get("x-forge-cost")]).toEqual([200, bytes, null, "0.04"]);
    expect(outside.to("openrouter.ai")[0]!.json).toEqual({ model: "some/drawer", prompt: "a cat", resolution: "4K", aspect_ratio: "8:1", quality: "max" });
    expect(await entry(answer.headers.get("x-request-id"))).toMatchObject({ usage: { inputTokens: 3, outputTokens: 9 } });
    expect(await events({ model: "openrouter/some/drawer", prompt: "a cat" })).toMatchObject([{ type: "image_generation.completed", b64Json: base64, created: 9, usage: { cost: 0.04 } }]);
  });

  test("that was not made is an error, not an empty list", async () => {
    outside.play("api.openai.com/v1/images/generations", () => Response.json({ created: 5, data: [] }));
    await expect(draw({ model: "openai/gpt-image-2", prompt: "a cat" })).rejects.toMatchObject({ statusCode: 502, error: { code: 502, message: "OpenAI made no picture." } });
    outside.play("api.openai.com/v1/images/generations", () => new Response("<html>"));
    await expect(draw({ model: "openai/gpt-image-2", prompt: "a cat" })).rejects.toMatchObject({ statusCode: 502 });
  });

  test("falls back to the next of `models` where one fails, and to no provider that was ruled out", async () => {
    outside.play("api.openai.com/v1/images/generations", () => Response.json({ error: { message: "busy" } }, { status: 503 }));
    const answer = await post({ model: "openai/gpt-image-2", models: ["gemini/gemini-3-pro-image"], prompt: "a cat" });
    expect(answer.status).toBe(200);
    expect((await entry(answer.headers.get("x-request-id"))).deployment).toContain("gemini-3-pro-image");
    const none = await post({ model: "openai/gpt-image-2", prompt: "a cat", provider: { only: ["xai"] } });
    expect(none.status).toBeGreaterThanOrEqual(400);
    expect(outside.to("api.openai.com")).toHaveLength(1);
  });
});

test("the AI SDK's provider gets its pictures, of words and of others", async () => {
  const model = createOpenRouter({ apiKey: key, baseURL: `${gateway.url}/api/v1` }).imageModel("openai/gpt-image-2");
  const { images, usage: told } = await generateImage({ model, prompt: "a cat", n: 1, aspectRatio: "1:1", seed: 3, maxRetries: 0 });
  expect([images.map((one) => one.base64), told]).toMatchObject([[base64], { inputTokens: 12, outputTokens: 1056 }]);
  expect(outside.to("api.openai.com")[0]!.json).toEqual({ model: "gpt-image-2", prompt: "a cat", size: "1024x1024" });
  await generateImage({ model, prompt: { text: "a hat", images: [png] }, maxRetries: 0 });
  expect((await outside.to("api.openai.com/v1/images/edits")[0]!.form()).getAll("image[]")).toHaveLength(1);
});

describe("a picture to begin from", () => {
  const references = [{ type: "image_url" as const, imageUrl: { url: dataUrl } }];

  test("is OpenAI's form, its bytes as they are", async () => {
    await draw({ model: "openai/gpt-image-2", prompt: "a hat", inputReferences: [...references, ...references], aspectRatio: "3:2", quality: "high" });
    const form = await outside.to("api.openai.com/v1/images/edits")[0]!.form();
    expect([form.get("model"), form.get("prompt"), form.get("size"), form.get("quality")]).toEqual(["gpt-image-2", "a hat", "1248x832", "high"]);
    const files = form.getAll("image[]") as File[];
    expect(files).toHaveLength(2);
    for (const file of files) expect(Buffer.from(await file.arrayBuffer())).toEqual(png);
  });

  test("by address is OpenAI's JSON, and fetched by nobody here", async () => {
    await draw({ model: "openai/gpt-image-2", prompt: "a hat", inputReferences: [{ type: "image_url", imageUrl: { url: "https://pictures.example/a.png" } }] });
    expect(outside.to("api.openai.com/v1/images/edits")[0]!.json).toMatchObject({ model: "gpt-image-2", images: [{ image_url: "https://pictures.example/a.png" }] });
    expect(outside.to("pictures.example")).toEqual([]);
  });

  test("is an inline part of Gemini's", async () => {
    await draw({ model: "gemini/gemini-3-pro-image", prompt: "a hat", inputReferences: references });
    expect(outside.to("generativelanguage.googleapis.com")[0]!.json.contents[0].parts).toEqual([{ text: "a hat" }, { inlineData: { mimeType: "image/png", data: base64 } }]);
  });

  test("is a 400 that names it where a model takes none", async () => {
    for (const model of ["gemini/imagen-4.0-generate-001", "stability/stable-image-core", "workers-ai/@cf/black-forest-labs/flux-1-schnell"]) {
      await expect(draw({ model, prompt: "a hat", inputReferences: references }), model).rejects.toMatchObject({ statusCode: 400, error: { code: 400, message: expect.stringContaining("input_references") } });
    }
    expect(outside.left.filter(({ host }) => host !== "self.example")).toEqual([]);
  });
});

test("a sovereign key's pictures are the owner's server's, and nobody else hears of them", async () => {
  outside.play("self.example/v1/images/generations", () => Response.json({ created: 1, data: [{ b64_json: base64 }] }));
  expect(await draw({ model: "sdxl-turbo", prompt: "a secret", resolution: "2K", aspectRatio: "1:1", seed: 3 }, sovereign)).toMatchObject({ data: [{ b64Json: base64 }] });
  expect(outside.to("self.example/v1/images")[0]!.json).toEqual({ model: "sdxl-turbo", prompt: "a secret", size: "2048x2048", seed: 3, response_format: "b64_json" });
  await expect(draw({ model: "openai/gpt-image-2", prompt: "a secret" }, sovereign)).rejects.toMatchObject({ statusCode: 503 });
  expect(outside.left.filter(({ host }) => host !== "self.example")).toEqual([]);
});

test.each<[string, unknown, string]>([
  ["no prompt", { prompt: "" }, "prompt"], ["too many", { n: 11 }, "n"], ["half a picture", { n: 0.5 }, "n"], ["a text for a number", { n: "2" }, "n"], ["an unknown scale", { resolution: "8K" }, "resolution"],
  ["a size of words", { size: "huge" }, "size"], ["a size against its ratio", { size: "1024x1024", aspect_ratio: "16:9" }, "aspect_ratio"], ["a size against its scale", { size: "1024x1024", resolution: "4K" }, "resolution"],
  ["two scales", { size: "2k", resolution: "4K" }, "resolution"], ["a ratio of nothing", { aspect_ratio: "0:1" }, "aspect_ratio"], ["a ratio of no end", { aspect_ratio: "999:1" }, "aspect_ratio"],
  ["a vector drawing", { output_format: "svg" }, "output_format"], ["too much compression", { output_compression: 101 }, "output_compression"], ["a stream of sorts", { stream: "yes" }, "stream"],
  ["a drawing to begin from", { input_references: [{ type: "image_url", image_url: { url: "data:image/svg+xml;base64,PHN2Zy8+" } }] }, "input_references"],
  ["a file to begin from", { input_references: [{ type: "image_url", image_url: { url: "file:///etc/passwd" } }] }, "input_references"],
  ["bytes that are none", { input_references: [{ type: "image_url", image_url: { url: "data:image/png;base64,????" } }] }, "input_references"],
  ["bytes that are broken", { input_references: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAAA" } }] }, "input_references"],
  ["text to begin from", { input_references: [{ type: "text", text: "a" }] }, "input_references"], ["references that are none", { input_references: "a" }, "input_references"],
  ["a field of the prototype's", '{"model":"openai/gpt-image-2","prompt":"a","input_references":[{"type":"image_url","image_url":{"url":{"toString":"x"}}}]}', "input_references"],
])("with %s it is a 400 that names the field", async (_, body, param) => {
  const answer = await post(typeof body === "string" ? body : { model: "openai/gpt-image-2", prompt: "a cat", ...(body as object) });
  const { error } = (await answer.json()) as { error: { code: number; message: string; metadata: { param: string } } };
  expect([answer.status, error.code, error.metadata.param.split("[")[0]], error.message).toEqual([400, 400, param]);
  expect(outside.left).toEqual([]);
});

describe("models that draw", () => {
  test("in conversations do it for a wish too, whole and as a stream", async () => {
    const message = { role: "assistant", content: "Here.", images: [{ type: "image_url", image_url: { url: dataUrl } }] };
    outside.play("api.mistral.ai/v1/chat/completions", ({ json }) => {
      const head = { id: "c", created: 1, model: "m" };
      const told = { prompt_tokens: 3, completion_tokens: 9, total_tokens: 12 };
      if (json.stream !== true) return Response.json({ ...head, object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }], usage: told });
      const chunks = [{ choices: [{ index: 0, delta: message, finish_reason: null }] }, { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }, { choices: [], usage: told }];
      return new Response(chunks.map((one) => `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", ...one })}\n\n`).join("") + "data: [DONE]\n\n", { headers: { "content-type": "text/event-stream" } });
    });
    const request = { model: "mistral/draws", prompt: "a hat", inputReferences: [{ type: "image_url" as const, imageUrl: { url: dataUrl } }] };
    expect(await draw(request)).toMatchObject({ data: [{ b64Json: base64, mediaType: "image/png" }], usage: { promptTokens: 3, completionTokens: 9 } });
    expect(outside.to("api.mistral.ai")[0]!.json).toMatchObject({ modalities: ["image", "text"], messages: [{ content: [{ type: "text", text: "a hat" }, { type: "image_url" }] }] });
    expect(await events(request)).toMatchObject([{ type: "image_generation.completed", b64Json: base64, usage: { promptTokens: 3, completionTokens: 9 } }]);
    outside.play("api.mistral.ai/v1/chat/completions", () => Response.json({ id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "No." }, finish_reason: "stop" }] }));
    await expect(draw(request)).rejects.toMatchObject({ statusCode: 400 });
  });

  test("are listed with what each can be asked for", async () => {
    const { data } = await router.images.listModels();
    const model = data.find(({ id }) => id === "openai/gpt-image-1-mini")!;
    expect(model).toMatchObject({ architecture: { outputModalities: expect.arrayContaining(["image"]) }, endpoints: "/api/v1/images/models/openai/gpt-image-1-mini/endpoints", supportsStreaming: true });
    expect(model.supportedParameters).toMatchObject({ n: { type: "range", min: 1, max: 10 }, aspect_ratio: { type: "enum", values: ["1:1", "2:3", "3:2"] } });
    expect(data.every(({ architecture }) => architecture.outputModalities.includes("image"))).toBe(true);
  });

  test("and each tells who serves it, at what price", async () => {
    const { id, endpoints } = await router.images.listModelEndpoints({ author: "openai", slug: "gpt-image-1-mini" });
    expect(id).toBe("openai/gpt-image-1-mini");
    expect(endpoints).toMatchObject([{ providerName: "OpenAI", providerSlug: "openai", supportsStreaming: true, supportedParameters: { aspect_ratio: { type: "enum", values: ["1:1", "2:3", "3:2"] }, resolution: { type: "enum", values: ["1K"] }, input_references: { type: "range", min: 0, max: 16 } } }]);
    expect(endpoints[0]!.pricing).toEqual(expect.arrayContaining([expect.objectContaining({ billable: "output_image", unit: "token", costUsd: expect.any(Number) })]));
    await expect(router.images.listModelEndpoints({ author: "openai", slug: "gpt-4o" })).rejects.toMatchObject({ statusCode: 404 });
  });
});

