/** Pictures: what a request is, what each provider hears of it, and what becomes of its answer. */
import { describe, expect, test } from "vitest";
import { noUsage } from "../../src/chat/usage.ts";
import { SentFile } from "../../src/protocols/crossing.ts";
import { openaiImageEdits, openaiImageEditsJson, openaiImages, openaiImageVariations } from "../../src/protocols/index.ts";
import type { Answer, Crossing, CrossingContext, Protocol, SentBody } from "../../src/protocols/protocol.ts";

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const jpeg = "/9j/4AAQSkZJRgABAQEAYABgAAA=";
const file = (name = "a.png", type = "image/png", bytes: Uint8Array = Uint8Array.fromBase64(png)): SentFile => new SentFile(name, type, [bytes.subarray(0, 10), bytes.subarray(10)]);
const dataUrl = `data:image/png;base64,${png}`;

const contextOf = (protocol: Protocol, json: Record<string, unknown>, upstreamId: string): CrossingContext => ({ json, facts: protocol.parse(json), upstreamId, provider: "Them", requestId: "req_1", nowS: 1_700_000_000 });
const crossing = (protocol: Protocol, id: string): Crossing => protocol.crossings!.find((one) => one.id === id)!;
const answer = (body: unknown, contentType = "application/json"): Answer => ({ bytes: typeof body === "object" && body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body)), contentType });
const shown = (body: SentBody): unknown => typeof body === "string" ? JSON.parse(body) : "form" in body
  ? Object.fromEntries(Object.entries(body.form).map(([name, value]) => [name, [value].flat().map((one) => (one instanceof SentFile ? `${one.filename} ${one.type} ${one.bytes}` : one))])) : body.type;

describe("a request", () => {
  const parse = (over: object) => openaiImages.parse({ model: "m", prompt: "a cat", ...over });

  test("is bounded by the picture and by tokens", () => {
    expect(parse({ n: 3 })).toMatchObject({ model: "m", stream: false, choices: 3, outputTokens: 3 * 8_192, pieces: { image: 3 }, pictures: 0, inputTokens: 69 });
    expect(parse({ n: "2", stream: "true", partial_images: "3" })).toMatchObject({ stream: true, choices: 2, outputTokens: 2 * (8_192 + 300) });
    expect(parse({ size: "4096x4096", quality: "max" }).outputTokens).toBeGreaterThan(8_192 * 10 * 4);
  });

  test.each<[string, object, string]>([
    ["no model", { model: undefined }, "model"], ["no prompt", { prompt: "" }, "prompt"], ["a prompt that is none", { prompt: ["a"] }, "prompt"], ["none", { n: 0 }, "n"], ["too many", { n: 11 }, "n"],
    ["half a picture", { n: 1.5 }, "n"], ["a stream of sorts", { stream: "yes" }, "stream"], ["an unknown form", { response_format: "svg" }, "response_format"],
  ])("with %s is refused", (_, over, param) => {
    expect(() => parse(over)).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param } }));
  });

  test("to edit needs a picture, which is none that a browser would run", () => {
    expect(openaiImageEdits.parse({ model: "m", prompt: "p", "image[]": [file(), file()], mask: file() })).toMatchObject({ pictures: 3 });
    expect(openaiImageEditsJson.parse({ model: "m", prompt: "p", images: [{ image_url: dataUrl }, { file_id: "file-1" }] })).toMatchObject({ pictures: 2 });
    expect(openaiImageVariations.parse({ model: "m", image: file(), n: "2" })).toMatchObject({ pictures: 1, choices: 2 });
    expect(() => openaiImageEdits.parse({ model: "m", prompt: "p" })).toThrow("image: is missing");
    expect(() => openaiImageVariations.parse({ model: "m", image: "a.png" })).toThrow("image: must be a file");
    const drawings = ["<svg xmlns='http://www.w3.org/2000/svg'/>", "  <?xml version='1.0'?><svg/>", "\ufeff<svg/>", "<!DOCTYPE html>"].map((text) => file("a.png", "image/png", new TextEncoder().encode(text)));
    for (const drawing of [...drawings, file("a.svg", "image/svg+xml")]) expect(() => openaiImageEdits.parse({ model: "m", prompt: "p", image: drawing })).toThrow("image: must be a PNG, JPEG or WebP file");
    expect(() => openaiImageEdits.parse({ model: "m", prompt: "p", image: file(), mask: drawings[0] })).toThrow("mask: must be");
  });
});

describe("OpenAI's answers", () => {
  const usage = { input_tokens: 50, output_tokens: 4160, total_tokens: 4210, input_tokens_details: { text_tokens: 10, image_tokens: 40 } };
  const tokens = { ...noUsage, inputTokens: 50, inputImageTokens: 40, outputTokens: 4160, outputImageTokens: 4160 };

  test("are charged in every way that they tell", () => {
    expect(openaiImages.observe({ created: 1, data: [{ b64_json: png }], usage })).toMatchObject({ usage: { ...tokens, pieces: { image: 1 } }, error: undefined, terminated: true });
    expect(openaiImages.observe({ created: 1, data: [{ url: "u" }, { url: "v" }] })).toMatchObject({ usage: { ...noUsage, pieces: { image: 2 } }, reportedNanoUsd: undefined });
    expect(openaiImages.observe({ data: [{ url: "u" }], usage: { cost_in_usd_ticks: 200_000_000 } })).toMatchObject({ usage: { pieces: { image: 1 } }, reportedNanoUsd: 20_000_000 });
    expect(openaiImages.observe({ error: { message: "no" } })).toMatchObject({ usage: undefined, error: "no" });
  });

  test("as streams pass as they are, and tell their use at the end", () => {
    const frames = [
      `event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":"${png}","partial_image_index":0}\n\n`,
      `event: image_generation.completed\ndata: ${JSON.stringify({ type: "image_generation.completed", b64_json: png, usage })}\n\n`,
    ];
    const observer = openaiImages.watch(true);
    expect(observer.push(frames[0]!)).toBe(frames[0]);
    expect(observer.seen).toMatchObject({ terminated: false, usage: undefined });
    expect(observer.push(frames[1]!)).toBe(frames[1]);
    expect(observer.seen).toMatchObject({ terminated: true, usage: { ...tokens, pieces: { image: 1 } } });
    const edits = openaiImageEdits.watch(true);
    edits.push('event: error\ndata: {"type":"error","error":{"message":"no"}}\n\n');
    expect(edits.seen).toMatchObject({ error: "no", terminated: false });
  });
});

type Row = { via: Protocol; id: string; model: string; ask: Record<string, unknown>; path: string; body: unknown; losses?: string[]; says: unknown; data: unknown[]; usage?: object; times?: number };

const gemini = { candidates: [{ content: { parts: [{ text: "Here." }, { inlineData: { mimeType: "image/png", data: png } }] }, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 1290, totalTokenCount: 1298, candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: 1290 }] } };
const edit = { image: file(), prompt: "a hat" };

const rows: Record<string, Row> = {
  "Gemini": {
    via: openaiImages, id: "google-images", model: "gemini-2.5-flash-image", ask: { n: 2, size: "1536x1024", quality: "high", seed: 7 }, path: "/models/gemini-2.5-flash-image:generateContent", times: 2, losses: ["field:quality"],
    body: { contents: [{ role: "user", parts: [{ text: "a cat" }] }], generationConfig: { responseModalities: ["TEXT", "IMAGE"], seed: 7, imageConfig: { aspectRatio: "3:2" } } },
    says: gemini, data: [{ b64_json: png, revised_prompt: "Here." }], usage: { inputTokens: 8, outputTokens: 1290, outputImageTokens: 1290, pieces: { image: 1 } },
  },
  "Gemini, a large one": {
    via: openaiImages, id: "google-images", model: "gemini-3-pro-image", ask: { size: "4096x2304", user: "u" }, path: "/models/gemini-3-pro-image:generateContent", losses: ["user"],
    body: { contents: [{ role: "user", parts: [{ text: "a cat" }] }], generationConfig: { responseModalities: ["TEXT", "IMAGE"], imageConfig: { aspectRatio: "16:9", imageSize: "4K" } } }, says: gemini, data: [{ b64_json: png, revised_prompt: "Here." }],
  },
  "Gemini, edits": {
    via: openaiImageEdits, id: "google-images", model: "gemini-2.5-flash-image", ask: { ...edit, mask: file() }, path: "/models/gemini-2.5-flash-image:generateContent", losses: ["field:mask"],
    body: { contents: [{ role: "user", parts: [{ text: "a hat" }, { inlineData: { mimeType: "image/png", data: png } }, { inlineData: { mimeType: "image/png", data: png } }] }], generationConfig: { responseModalities: ["TEXT", "IMAGE"] } }, says: gemini, data: [{ b64_json: png, revised_prompt: "Here." }],
  },
  "Imagen": {
    via: openaiImages, id: "google-images", model: "imagen-4.0-generate-001", ask: { n: 6, size: "1024x1792", output_format: "jpeg", style: "vivid" }, path: "/models/imagen-4.0-generate-001:predict", times: 2, losses: ["field:style"],
    body: { instances: [{ prompt: "a cat" }], parameters: { sampleCount: 4, aspectRatio: "9:16", sampleImageSize: "2K", outputOptions: { mimeType: "image/jpeg" } } },
    says: { predictions: [{ bytesBase64Encoded: png, mimeType: "image/png", prompt: "A cat." }, { bytesBase64Encoded: jpeg }] }, data: [{ b64_json: png, revised_prompt: "A cat." }, { b64_json: jpeg }], usage: { pieces: { image: 2 } },
  },
  "Nova Canvas": {
    via: openaiImages, id: "bedrock-images", model: "amazon.nova-canvas-v1:0", ask: { n: 7, size: "1024x1024", quality: "hd" }, path: "/model/amazon.nova-canvas-v1%3A0/invoke", times: 2,
    body: { taskType: "TEXT_IMAGE", textToImageParams: { text: "a cat" }, imageGenerationConfig: { numberOfImages: 5, width: 1024, height: 1024, quality: "premium" } }, says: { images: [png, jpeg] }, data: [{ b64_json: png }, { b64_json: jpeg }],
  },
  "Titan, filled in": {
    via: openaiImageEdits, id: "bedrock-images", model: "amazon.titan-image-generator-v2:0", ask: { ...edit, mask: file() }, path: "/model/amazon.titan-image-generator-v2%3A0/invoke",
    body: { taskType: "INPAINTING", inPaintingParams: { text: "a hat", image: png, maskImage: png }, imageGenerationConfig: { numberOfImages: 1 } }, says: { images: [png] }, data: [{ b64_json: png }],
  },
  "Stability at Bedrock": {
    via: openaiImages, id: "bedrock-images", model: "us.stability.sd3-5-large-v1:0", ask: { n: 2, size: "1536x1024", background: "transparent" }, path: "/model/us.stability.sd3-5-large-v1%3A0/invoke", times: 2, losses: ["field:background"],
    body: { prompt: "a cat", aspect_ratio: "3:2" }, says: { images: [png], finish_reasons: [null], seeds: [1] }, data: [{ b64_json: png }],
  },
  "Stability": {
    via: openaiImages, id: "stability-images", model: "sd3.5-large", ask: { size: "1000x400", output_format: "webp" }, path: "/v2beta/stable-image/generate/sd3", losses: ["field:size"],
    body: { prompt: ["a cat"], output_format: ["webp"], aspect_ratio: ["21:9"], model: ["sd3.5-large"], mode: ["text-to-image"] }, says: { image: png, finish_reason: "SUCCESS", seed: 1 }, data: [{ b64_json: png }],
  },
  "Stability, where a mask says": {
    via: openaiImageEdits, id: "stability-images", model: "stable-image-core", ask: { ...edit, mask: file("m.png") }, path: "/v2beta/stable-image/edit/inpaint",
    body: { prompt: ["a hat"], output_format: ["png"], image: ["a.png image/png 70"], mask: ["m.png image/png 70"] }, says: { image: png, finish_reason: "SUCCESS" }, data: [{ b64_json: png }],
  },
  "Flux": {
    via: openaiImages, id: "flux-images", model: "flux-2-pro", ask: { size: "1000x1024", output_format: "png" }, path: "/v1/flux-2-pro", losses: ["field:size"],
    body: { prompt: "a cat", width: 1008, height: 1024, output_format: "png" }, says: { id: "1", status: "Ready", result: { sample: "https://delivery.bfl.ai/a.png" } }, data: [{ url: "https://delivery.bfl.ai/a.png" }],
  },
  "Flux Kontext, edits": {
    via: openaiImageEditsJson, id: "flux-images", model: "flux-kontext-pro", ask: { prompt: "a hat", images: [{ image_url: dataUrl }, { image_url: dataUrl }], size: "1024x1024" }, path: "/v1/flux-kontext-pro",
    body: { prompt: "a hat", aspect_ratio: "1:1", input_image: png, input_image_2: png }, says: { status: "Ready", result: { sample: "https://delivery.bfl.ai/a.png" } }, data: [{ url: "https://delivery.bfl.ai/a.png" }],
  },
  "OpenRouter": {
    via: openaiImageEdits, id: "openrouter-images", model: "google/gemini-2.5-flash-image", ask: { ...edit, size: "1024x1024", quality: "high", input_fidelity: "high" }, path: "/images", losses: ["field:input_fidelity"],
    body: { model: "google/gemini-2.5-flash-image", prompt: "a hat", n: 1, size: "1024x1024", quality: "high", input_references: [{ type: "image_url", image_url: { url: dataUrl } }] },
    says: { created: 1, data: [{ b64_json: png, media_type: "image/png" }], usage: { cost: 0.04 } }, data: [{ b64_json: png }],
  },
  "Fireworks": {
    via: openaiImages, id: "fireworks-images", model: "accounts/fireworks/models/flux-1-schnell-fp8", ask: { size: "1024x1024", seed: 3 }, path: "/workflows/accounts/fireworks/models/flux-1-schnell-fp8/text_to_image",
    body: { prompt: "a cat", aspect_ratio: "1:1", seed: 3 }, says: { base64: [jpeg], finishReason: "SUCCESS" }, data: [{ b64_json: jpeg }],
  },
  "Workers AI": {
    via: openaiImages, id: "workers-images", model: "@cf/black-forest-labs/flux-1-schnell", ask: { size: "512x512" }, path: "/run/@cf/black-forest-labs/flux-1-schnell", losses: ["field:size"],
    body: { prompt: "a cat" }, says: { result: { image: jpeg }, success: true }, data: [{ b64_json: jpeg }],
  },
  "an edit as JSON": {
    via: openaiImageEdits, id: "openai-image-edits-json", model: "grok-imagine-image", ask: { prompt: "a hat", "image[]": [file()], n: "2", quality: "high" }, path: "/images/edits",
    body: { prompt: "a hat", n: 2, quality: "high", response_format: "b64_json", model: "grok-imagine-image", images: [{ type: "image_url", url: dataUrl }] }, says: { data: [{ url: "https://imgen.x.ai/a" }] }, data: [{ url: "https://imgen.x.ai/a" }],
  },
  "an edit as a form": {
    via: openaiImageEditsJson, id: "openai-image-edits", model: "gpt-image-1", ask: { prompt: "a hat", images: [{ image_url: dataUrl }], mask: { image_url: dataUrl }, n: 1 }, path: "/images/edits",
    body: { prompt: ["a hat"], n: ["1"], model: ["gpt-image-1"], "image[]": ["image.png image/png 70"], mask: ["mask.png image/png 70"] }, says: { created: 1, data: [{ b64_json: png }] }, data: [{ b64_json: png }],
  },
};

describe.each(Object.entries(rows))("%s", (_, { via, id, model, ask, path, body, losses = [], says, data, usage = { pieces: { image: data.length } }, times = 1 }) => {
  const json = { model: "ours", prompt: "a cat", response_format: "b64_json", ...ask };
  const context = contextOf(via, json, model);
  const one = crossing(via, id);

  test("hears what can be said, and the rest is declared", () => {
    const rendered = one.render(context);
    expect({ path: one.path(context), body: shown(rendered.body), losses: [...rendered.losses].sort(), times: one.times?.(context) ?? 1 }).toEqual({ path, body, losses: [...losses].sort(), times });
    expect(new Set(rendered.losses).size).toBe(rendered.losses.length);
  });

  test("is told as OpenAI tells pictures, and charged by what came", () => {
    const told = one.read(answer(says), context);
    if (!("body" in told)) throw told.error;
    const text = typeof told.body === "string" ? told.body : new TextDecoder().decode(told.body);
    expect(JSON.parse(text)).toMatchObject({ data });
    expect(told.seen).toMatchObject({ usage, error: undefined, terminated: true });
  });

  test("streams one event for each picture where only a whole answer comes", () => {
    if (id.startsWith("openai-")) return;
    const told = one.read(answer(says), { ...context, facts: { ...context.facts, stream: true } });
    if (!("body" in told)) throw told.error;
    const observer = via.watch(true);
    observer.push(told.body as string);
    expect(observer.seen).toMatchObject({ terminated: true, usage: { pieces: { image: data.length } } });
    expect((told.body as string).match(/^event: .*$/gm)).toEqual(data.map(() => `event: ${via === openaiImages ? "image_generation" : "image_edit"}.completed`));
  });

  test("that answers with nothing is an error, and with no JSON none that is passed on", () => {
    if (id.startsWith("openai-")) return;
    const told = one.read(answer({ status: "Content Moderated" }), context);
    expect(told).toMatchObject({ error: { code: "upstream_refused", status: 400 }, seen: { error: expect.stringContaining("Them made no picture") } });
    expect(() => one.read(answer(new TextEncoder().encode("<html>"), "text/html"), context)).toThrow("Them did not answer with JSON");
  });
});

describe("several answers to one request", () => {
  const context = contextOf(openaiImages, { model: "ours", prompt: "a cat", n: 3 }, "gemini-2.5-flash-image");
  const google = crossing(openaiImages, "google-images");

  test("are one, each charged", () => {
    const told = google.read(answer(gemini), context, [answer(gemini), answer(gemini)]);
    expect(told).toMatchObject({ losses: [], seen: { usage: { inputTokens: 24, outputTokens: 3_870, pieces: { image: 3 } } } });
    expect(JSON.parse((told as { body: string }).body)).toMatchObject({ created: 1_700_000_000, usage: { input_tokens: 24, output_tokens: 3_870, total_tokens: 3_894 } });
  });

  test("of which some did not come, or brought nothing, are fewer, and say so", () => {
    const filtered = { candidates: [{ finishReason: "SAFETY" }], usageMetadata: { promptTokenCount: 8, totalTokenCount: 8 } };
    expect(google.read(answer(gemini), context, [answer(filtered)])).toMatchObject({ losses: ["field:n"], seen: { usage: { inputTokens: 16, outputTokens: 1_290, pieces: { image: 1 } }, error: undefined } });
    expect(google.read(answer(filtered), context)).toMatchObject({ error: { message: expect.stringContaining("SAFETY") }, seen: { usage: { inputTokens: 8, pieces: { image: 0 } } } });
  });
});

test("Flux is asked after until it is there, or never will be", () => {
  const flux = crossing(openaiImages, "flux-images");
  const context = contextOf(openaiImages, { model: "ours", prompt: "p" }, "flux-2-pro");
  const polling_url = "https://api.eu1.bfl.ai/v1/get_result?id=1";
  expect(flux.follow!(answer({ id: "1", polling_url }), context)).toEqual({ url: polling_url, afterMs: 500 });
  expect(flux.follow!(answer({ status: "Ready", result: { sample: "https://x" } }), context)).toBeUndefined();
  expect(flux.follow!(answer({ status: "Pending" }), context)).toEqual({ afterMs: 500 });
  expect(flux.follow!(answer({ status: "Request Moderated" }), context)).toBeUndefined();
  expect(() => flux.follow!(answer({ status: "Task not found" }), context)).toThrow("Them: Task not found");
});

describe("a model that draws in conversations", () => {
  const half = openaiImageEdits.conversation!;
  const request = half.parseRequest({ model: "m", prompt: "a hat", image: file(), n: "2", size: "1024x1024", quality: "auto", user: "u", response_format: "url" });
  const context = { request, requestId: "req_1", nowS: 1 };

  test("gets the prompt and the pictures as a turn", () => {
    expect(request).toMatchObject({
      model: "m", stream: false, choices: 2, modalities: ["image", "text"], user: "u", rest: { protocol: "openai-images", fields: { size: "1024x1024" } },
      turns: [{ role: "user", parts: [{ type: "text", text: "a hat" }, { type: "file", kind: "image", mediaType: "image/png", data: { base64: png } }] }],
    });
  });

  test("answers with what it drew; without a picture it has refused", () => {
    const picture = { type: "file", kind: "image", data: { base64: png } } as const;
    const finish = { unified: "stop" } as const;
    expect(JSON.parse(half.renderResponse({ choices: [{ parts: [{ type: "text", text: "Here." }, picture], finish }], usage: { ...noUsage, inputTokens: 3, outputTokens: 5 } }, context).body)).toMatchObject({ created: 1, data: [{ b64_json: png }], usage: { total_tokens: 8 } });
    expect(() => half.renderResponse({ choices: [{ parts: [{ type: "text", text: "I cannot." }], finish }] }, context)).toThrow("drew no picture");
    const stream = half.renderStream({ ...context, request: { ...request, stream: true } });
    expect(stream.push({ type: "part", part: picture, at: 0, choice: 0 })).toBe("");
    expect(stream.push({ type: "usage", usage: { ...noUsage, outputTokens: 5 } })).toBe("");
    expect(stream.end()).toMatch(/^event: image_edit\.completed\ndata: .*"output_tokens":5/);
  });
});
