/** Pictures with the official SDK over sockets: whoever draws, the client sees OpenAI's. */
import OpenAI, { BadRequestError, toFile } from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { Outside } from "./outside.ts";
import { entryOf } from "../support/entry.ts";

const base64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const png = Buffer.from(base64, "base64");
const usage = { input_tokens: 12, output_tokens: 1056, total_tokens: 1068, input_tokens_details: { text_tokens: 12, image_tokens: 0 } };
const outside = new Outside();
const log: string[] = [];
let gateway: LocalGateway;
let key: string;
let openai: OpenAI;
let sovereign: OpenAI;

const keys = Object.fromEntries(["OPENAI", "GEMINI", "BFL", "STABILITY", "MISTRAL", "XAI", "WORKERS_AI"].map((name) => [`${name}_API_KEY`, `key-of-${name.toLowerCase()}-0123456789`]));

beforeAll(async () => {
  gateway = await startLocal({ port: 0, vars: { ...createKey.secrets, ...keys, CLOUDFLARE_ACCOUNT_ID: "acc0", SOVEREIGN_ORIGIN: "http://self.example/v1", UPSTREAM_RETRIES: "0" }, outbound: outside.answer, onLog: (line) => void log.push(line) });
  key = (await createKey(gateway.url, { limits: { requestsPerMinute: 100_000 } })).secret;
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
  sovereign = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: (await createKey(gateway.url, { sovereign: true, limits: { requestsPerMinute: 1_000 } })).secret, maxRetries: 0 });
  outside.play("self.example/v1/models", () => Response.json({ data: [{ id: "sdxl-turbo" }] }));
});
afterAll(() => gateway?.stop());
beforeEach(() => {
  outside.left.length = 0;
  for (const path of ["generations", "edits", "variations"]) outside.play(`api.openai.com/v1/images/${path}`, () => Response.json({ created: 5, data: [{ b64_json: base64 }], usage, size: "1024x1024" }));
});

type Bucket = { list(options: { prefix: string }): Promise<{ objects: { key: string }[] }>; get(key: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | null> };
type Entry = { status: number; end: string; deployment: string; protocol: string; usage: { inputTokens: number; outputTokens: number; outputImageTokens: number; pieces?: object }; estimated: boolean };
const entry = (response: { headers: Headers }): Promise<Entry> => entryOf(gateway.url, key, response.headers.get("x-request-id"));

describe("OpenAI's own", () => {
  test("pass as they are, and tokens are the ledger's", async () => {
    const { data, response } = await openai.images.generate({ model: "openai/gpt-image-2", prompt: "a cat", size: "1024x1024", quality: "medium", background: "auto" }).withResponse();
    expect(data).toMatchObject({ created: 5, data: [{ b64_json: base64 }], usage, size: "1024x1024" });
    expect(outside.to("api.openai.com")[0]!.json).toEqual({ model: "gpt-image-2", prompt: "a cat", size: "1024x1024", quality: "medium", background: "auto" });
    expect(await entry(response)).toMatchObject({ status: 200, end: "complete", deployment: "openai/gpt-image-2", usage: { inputTokens: 12, outputTokens: 1056, outputImageTokens: 1056 }, estimated: false });
  });

  test("are edited from pictures and a mask, whose bytes arrive as they were", async () => {
    const image = [await toFile(png, "one.png", { type: "image/png" }), await toFile(png, "two.png", { type: "image/png" })];
    await openai.images.edit({ model: "openai/gpt-image-2", prompt: "a hat", image, mask: await toFile(png, "mask.png", { type: "image/png" }), n: 1 });
    const form = await outside.to("api.openai.com/v1/images/edits")[0]!.form();
    expect([form.get("model"), form.get("prompt"), form.get("n")]).toEqual(["gpt-image-2", "a hat", "1"]);
    const files = [...form.getAll("image[]"), form.get("mask")] as File[];
    expect(files.map(({ name, type }) => [name, type])).toEqual([["one.png", "image/png"], ["two.png", "image/png"], ["mask.png", "image/png"]]);
    for (const file of files) expect(Buffer.from(await file.arrayBuffer())).toEqual(png);
  });

  test("are varied", async () => {
    const { data, response } = await openai.images.createVariation({ model: "openai/dall-e-2", image: await toFile(png, "one.png", { type: "image/png" }), n: 2 }).withResponse();
    expect(data.data).toEqual([{ b64_json: base64 }]);
    expect((await outside.to("api.openai.com/v1/images/variations")[0]!.form()).get("model")).toBe("dall-e-2");
    expect(await entry(response)).toMatchObject({ deployment: "openai/dall-e-2" });
  });

  test("stream: partial pictures, then the whole one and what it took", async () => {
    const frame = (type: string, more: object) => `event: ${type}\ndata: ${JSON.stringify({ type, b64_json: base64, ...more })}\n\n`;
    const text = frame("image_generation.partial_image", { partial_image_index: 0 }) + frame("image_generation.partial_image", { partial_image_index: 1 }) + frame("image_generation.completed", { usage });
    outside.play("api.openai.com/v1/images/generations", () => new Response(text, { headers: { "content-type": "text/event-stream" } }));
    const { data, response } = await openai.images.generate({ model: "openai/gpt-image-2", prompt: "a cat", stream: true, partial_images: 2 }).withResponse();
    const events = await Array.fromAsync(data);
    expect(events.map(({ type }) => type)).toEqual(["image_generation.partial_image", "image_generation.partial_image", "image_generation.completed"]);
    expect(await entry(response)).toMatchObject({ usage: { outputTokens: 1056 }, end: "complete" });
  });
});

describe("by address", () => {
  test("a picture of bytes is had for an hour by whoever has the address, and lies sealed", async () => {
    const made = await openai.images.generate({ model: "openai/gpt-image-2", prompt: "a cat", response_format: "url" });
    expect(outside.to("api.openai.com")[0]!.json).toEqual({ model: "gpt-image-2", prompt: "a cat" });
    const url = made.data![0]!.url!;
    expect(made.data![0]!.b64_json).toBeUndefined();
    expect(url).toMatch(new RegExp(`^${gateway.url}/v1/images/files/[A-Za-z0-9_-]{43}\\.png$`));
    const shown = await fetch(url);
    expect(Buffer.from(await shown.arrayBuffer())).toEqual(png);
    expect(Object.fromEntries(shown.headers)).toMatchObject({ "content-type": "image/png", "content-disposition": 'inline; filename="picture.png"', "x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'; sandbox" });
    const bucket = (await gateway.mf.getR2Bucket("FILES")) as unknown as Bucket;
    const { objects } = await bucket.list({ prefix: "pictures/" });
    expect(objects).toHaveLength(1);
    const lying = Buffer.from(await (await bucket.get(objects[0]!.key))!.arrayBuffer());
    expect(lying.includes(png.subarray(0, 8))).toBe(false);
    expect(url).not.toContain(objects[0]!.key.split("/")[2]);
    const name = url.split("/").at(-1)!;
    for (const other of [`${"A".repeat(43)}.png`, `${name.slice(0, -4)}.svg`, name.slice(0, -4), `..%2f${name}`, `${name}%00`, objects[0]!.key.split("/")[2]!]) {
      const answer = await fetch(`${gateway.url}/v1/images/files/${other}`);
      expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([404, "not_found"]);
    }
  });

  test("of a provider is fetched from there alone, when its bytes are wanted", async () => {
    outside.play("api.x.ai/v1/images/generations", () => Response.json({ data: [{ url: "https://imgen.x.ai/a.png" }], usage: { cost_in_usd_ticks: 200_000_000 } }));
    outside.play("imgen.x.ai/", ({ headers }) => (headers.has("authorization") ? new Response(null, { status: 500 }) : new Response(png, { headers: { "content-type": "image/png" } })));
    const ask = { model: "xai/grok-imagine-image", prompt: "a cat", response_format: "b64_json" } as const;
    const { data, response } = await openai.images.generate(ask).withResponse();
    expect(data.data).toEqual([{ b64_json: base64 }]);
    expect(response.headers.get("x-forge-cost")).toBe("0.02");
    for (const url of ["https://evil.example/a.png", "http://imgen.x.ai/a.png", "https://imgen.x.ai.evil.example/a.png", "https://imgen.x.ai@evil.example/", "https://imgen.x.ai:8443/a", "http://169.254.169.254/", "file:///etc/passwd"]) {
      outside.play("api.x.ai/v1/images/generations", () => Response.json({ data: [{ url }] }));
      outside.left.length = 0;
      const foreign = await openai.images.generate(ask).withResponse();
      expect([foreign.data.data, foreign.response.headers.get("x-forge-losses")]).toEqual([[{ url }], "field:response_format"]);
      expect(outside.left.map(({ host }) => host)).toEqual(["api.x.ai"]);
    }
  });
});

describe("others", () => {
  test("Gemini is asked as often as pictures are wanted", async () => {
    outside.play("generativelanguage.googleapis.com/", () => Response.json({ candidates: [{ content: { parts: [{ inlineData: { mimeType: "image/png", data: base64 } }] }, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 1290, totalTokenCount: 1298 } }));
    const { data, response } = await openai.images.generate({ model: "gemini/gemini-2.5-flash-image", prompt: "a cat", n: 3, size: "1536x1024" }).withResponse();
    expect(data.data).toHaveLength(3);
    expect(outside.to("generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash-image:generateContent")).toHaveLength(3);
    expect(await entry(response)).toMatchObject({ protocol: "google-images", usage: { inputTokens: 24, outputTokens: 3_870 } });
  });

  test("Flux is asked after until it is there; its key goes nowhere else", async () => {
    let asked = 0;
    outside.play("api.bfl.ai/v1/flux-2-pro", () => Response.json({ id: "1", polling_url: "https://api.eu1.bfl.ai/v1/get_result?id=1" }));
    outside.play("api.eu1.bfl.ai/", () => (asked++ === 0 ? Response.json({ id: "1", status: "Pending" }) : Response.json({ id: "1", status: "Ready", result: { sample: "https://delivery-eu1.bfl.ai/a.png" } })));
    outside.play("delivery-eu1.bfl.ai/", () => new Response(png));
    const { data, response } = await openai.images.generate({ model: "bfl/flux-2-pro", prompt: "a cat", response_format: "b64_json" }).withResponse();
    expect(data.data).toEqual([{ b64_json: base64 }]);
    expect(outside.left.map(({ host, headers }) => [host, headers.get("x-key")])).toEqual([["api.bfl.ai", keys.BFL_API_KEY], ["api.eu1.bfl.ai", keys.BFL_API_KEY], ["api.eu1.bfl.ai", keys.BFL_API_KEY], ["delivery-eu1.bfl.ai", null]]);
    expect(await entry(response)).toMatchObject({ usage: { pieces: { image: 1 } } });
    outside.play("api.bfl.ai/v1/flux-2-pro", () => Response.json({ id: "1", polling_url: "https://evil.example/steal" }));
    await expect(openai.images.generate({ model: "bfl/flux-2-pro", prompt: "a cat" })).rejects.toThrow("names an address that is not its own");
    expect(outside.to("evil.example")).toEqual([]);
  });

  test("Stability gets a form, and one that is moderated is told so", async () => {
    outside.play("api.stability.ai/", () => Response.json({ image: base64, finish_reason: "SUCCESS" }));
    const made = await openai.images.edit({ model: "stability/sd3.5-large", prompt: "a hat", image: await toFile(png, "one.png", { type: "image/png" }) });
    expect(made.data).toEqual([{ b64_json: base64 }]);
    const form = await outside.to("api.stability.ai/v2beta/stable-image/generate/sd3")[0]!.form();
    expect([form.get("mode"), form.get("strength"), (form.get("image") as File).size]).toEqual(["image-to-image", "0.7", png.length]);
    outside.play("api.stability.ai/", () => Response.json({ image: "", finish_reason: "CONTENT_FILTERED" }));
    await expect(openai.images.generate({ model: "stability/sd3.5-large", prompt: "a hat" })).rejects.toThrow(BadRequestError);
  });

  test("Workers AI is run under its own path", async () => {
    outside.play("api.cloudflare.com/client/v4/accounts/acc0/ai/run/@cf/black-forest-labs/flux-1-schnell", () => Response.json({ result: { image: base64 }, success: true }));
    expect((await openai.images.generate({ model: "workers-ai/@cf/black-forest-labs/flux-1-schnell", prompt: "a cat" })).data).toEqual([{ b64_json: base64 }]);
  });

  test("a model that draws in a conversation", async () => {
    outside.play("api.mistral.ai/v1/chat/completions", () => Response.json({ id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "Here.", images: [{ type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } }] }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 9, total_tokens: 12 } }));
    const { data, response } = await openai.images.edit({ model: "mistral/draws", prompt: "a hat", image: await toFile(png, "one.png", { type: "image/png" }) }).withResponse();
    expect(data).toMatchObject({ data: [{ b64_json: base64 }], usage: { total_tokens: 12 } });
    expect(outside.to("api.mistral.ai")[0]!.json).toMatchObject({ modalities: ["image", "text"], messages: [{ role: "user", content: [{ type: "text", text: "a hat" }, { type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } }] }] });
    expect(await entry(response)).toMatchObject({ protocol: "openai-chat", usage: { inputTokens: 3, outputTokens: 9 } });
  });
});

describe("chat that draws", () => {
  const body = { model: "gemini/gemini-2.5-flash-image", messages: [{ role: "user" as const, content: "a cat" }], modalities: ["image", "text"] as never };
  const candidate = { candidates: [{ index: 0, content: { role: "model", parts: [{ text: "Here." }, { inlineData: { mimeType: "image/png", data: base64 } }] }, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 1290, totalTokenCount: 1298 } };
  const images = [{ type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } }];

  test("answers with message.images", async () => {
    outside.play("generativelanguage.googleapis.com/", () => Response.json(candidate));
    const answer = await openai.chat.completions.create(body);
    expect(answer.choices[0]!.message).toMatchObject({ content: "Here.", images });
    expect(outside.to("generativelanguage.googleapis.com")[0]!.json).toMatchObject({ generationConfig: { responseModalities: ["IMAGE", "TEXT"] } });
  });

  test("streams delta.images", async () => {
    outside.play("generativelanguage.googleapis.com/", () => new Response(`data: ${JSON.stringify(candidate)}\n\n`, { headers: { "content-type": "text/event-stream" } }));
    const chunks = await Array.fromAsync(await openai.chat.completions.create({ ...body, stream: true }));
    expect(chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => (delta as { images?: unknown[] }).images ?? []))).toMatchObject(images);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Here.");
  });

  describe("is told of what it drew, signed as it was", () => {
    const model = "gemini/gemini-3-pro-image";
    const drawn = [{ text: "Here.", thoughtSignature: "c2ln" }, { inlineData: { mimeType: "image/png", data: base64 }, thoughtSignature: "c2lo" }];
    const told = (): unknown => (outside.to("generativelanguage.googleapis.com").at(-1)!.json as { contents: unknown }).contents;
    const conversation = [{ role: "user", parts: [{ text: "a cat" }] }, { role: "model", parts: drawn }, { role: "user", parts: [{ text: "now bluer" }] }];
    beforeEach(() => outside.play("generativelanguage.googleapis.com/", ({ path }) => {
      const answer = { candidates: [{ index: 0, content: { role: "model", parts: drawn }, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 1290, totalTokenCount: 1298 } };
      return path.includes("stream") ? new Response(`data: ${JSON.stringify(answer)}\n\n`, { headers: { "content-type": "text/event-stream" } }) : Response.json(answer);
    }));

    test("by a chat client", async () => {
      const { choices } = await openai.chat.completions.create({ model, messages: [{ role: "user", content: "a cat" }] });
      const { response } = await openai.chat.completions.create({ model, messages: [{ role: "user", content: "a cat" }, choices[0]!.message, { role: "user", content: "now bluer" }] }).withResponse();
      expect(told()).toEqual(conversation);
      expect(response.headers.get("x-forge-losses")).toBeNull();
    });

    test("by a Responses client that gives all back", async () => {
      const { output } = await openai.responses.stream({ model, input: "a cat", store: false, include: ["reasoning.encrypted_content"] }).finalResponse();
      await openai.responses.create({ model, input: [{ role: "user", content: "a cat" }, ...output, { role: "user", content: "now bluer" }] as never, store: false });
      expect(told()).toEqual(conversation);
    });

    test("by a Responses client whose turns are kept here", async () => {
      const { id } = await openai.responses.create({ model, input: "a cat" });
      await openai.responses.create({ model, input: "now bluer", previous_response_id: id });
      expect(told()).toEqual(conversation);
    });
  });
});

describe("harm", () => {
  const send = (path: string, body: BodyInit, type?: string): Promise<Response> => fetch(`${gateway.url}/v1/images/${path}`, { method: "POST", headers: { authorization: `Bearer ${key}`, ...(type && { "content-type": type }) }, body });
  const part = (name: string, rest: string, value: string): string => `--b\r\nContent-Disposition: form-data; name="${name}"${rest}\r\n\r\n${value}\r\n`;

  test.each<[string, string, number, string]>([
    ["no boundary at the end", part("model", "", "openai/gpt-image-2") + part("image", '; filename="a.png"', "x"), 400, "invalid_request"],
    ["a field twice", `${part("model", "", "openai/a") + part("model", "", "openai/b") + part("prompt", "", "p") + part("image", '; filename="a.png"', "x")}--b--\r\n`, 400, "invalid_request"],
    ["no form at all", "hello", 400, "invalid_request"],
    ["a drawing in a picture's name", `${part("model", "", "openai/gpt-image-2") + part("prompt", "", "p") + part("image", '; filename="../../a.png"\r\nContent-Type: image/png', "<svg onload='x'/>")}--b--\r\n`, 400, "invalid_request"],
  ])("%s", async (_, body, status, code) => {
    const answer = await send("edits", body, "multipart/form-data; boundary=b");
    expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([status, code]);
    expect(outside.left).toEqual([]);
  });

  test("an address in an edit goes to the provider, and nobody here calls it", async () => {
    for (const image_url of ["http://169.254.169.254/latest/meta-data", "https://evil.example/a.png", "file:///etc/passwd"]) {
      const answer = await send("edits", JSON.stringify({ model: "openai/gpt-image-2", prompt: "p", images: [{ image_url }] }), "application/json");
      expect(answer.status).toBe(200);
      await answer.body?.cancel();
    }
    expect(outside.left.map(({ host }) => host)).toEqual(["api.openai.com", "api.openai.com", "api.openai.com"]);
    const unable = await send("edits", JSON.stringify({ model: "bfl/flux-2-pro", prompt: "p", images: [{ image_url: "https://evil.example/a.png" }] }), "application/json");
    expect([unable.status, await unable.text()]).toEqual([400, expect.stringContaining("send their bytes")]);
  });

  test("a sovereign key's picture is drawn by the owner's server alone", async () => {
    outside.play("self.example/v1/images/generations", () => Response.json({ created: 1, data: [{ b64_json: base64 }] }));
    outside.play("self.example/v1/images/edits", () => Response.json({ created: 1, data: [{ b64_json: base64 }] }));
    expect((await sovereign.images.generate({ model: "sdxl-turbo", prompt: "a cat" })).data).toEqual([{ b64_json: base64 }]);
    expect((await sovereign.images.edit({ model: "sdxl-turbo", prompt: "a cat", image: await toFile(png, "a.png", { type: "image/png" }) })).data).toEqual([{ b64_json: base64 }]);
    await expect(sovereign.images.generate({ model: "openai/gpt-image-2", prompt: "a cat" })).rejects.toThrow(/503/);
    expect(new Set(outside.left.map(({ host }) => host))).toEqual(new Set(["self.example"]));
  });

  test("leaves nothing in the log", () => {
    expect(log.filter((line) => /exception|unexpected|TypeError/i.test(line))).toEqual([]);
  });
});
