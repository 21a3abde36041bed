/** Messages with both generations of Anthropic's SDK by bearer, in versions of the protocol that were, are and never will be. */
import Anthropic from "@anthropic-ai/sdk";
import OldAnthropic from "anthropic-sdk-0";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { AnthropicUpstream, words } from "./anthropic-upstream.ts";

const upstreamKey = "sk-ant-upstream-canary-0123456789";
const upstream = new AnthropicUpstream();
let gateway: LocalGateway;
let key: string;

beforeAll(async () => {
  const vars = { ...createKey.secrets, ANTHROPIC_API_KEY: upstreamKey, ANTHROPIC_BASE_URL: await upstream.start(), ALLOW_PRIVATE_UPSTREAMS: "true" };
  gateway = await startLocal({ port: 0, vars });
  key = (await createKey(gateway.url, { limits: { requestsPerMinute: 1_000 } })).secret;
});
afterAll(async () => {
  await gateway?.stop();
  upstream.stop();
});

type Sdk = typeof Anthropic;
/** With the version that each of them asks for by itself. */
const sdks: [string, Sdk, string][] = [["1.11.0", Anthropic, "2026-10-21"], ["0.137.0", OldAnthropic as unknown as Sdk, "2023-06-01"]];
const messages: Anthropic.MessageParam[] = [{ role: "user", content: "hello" }];
const ask = (model: string) => ({ model: `anthropic/${model}`, max_tokens: 64, messages });

describe.each(sdks)("SDK %s by bearer", (_, sdk, own) => {
  test.each([undefined, "2023-01-01", "2023-06-01", "2026-10-21", "2099-12-31", "latest"])("in version %s: whole, streamed, counted, and its models", async (version) => {
    const anthropic = new sdk({ apiKey: null, authToken: key, baseURL: gateway.url, maxRetries: 0, ...(version && { defaultHeaders: { "anthropic-version": version } }) });
    expect((await anthropic.messages.create(ask("say"))).content).toMatchObject([{ type: "text", text: words.join("") }]);
    expect(upstream.last.headers).toMatchObject({ "x-api-key": upstreamKey, "anthropic-version": version ?? own });
    expect(upstream.last.headers.authorization).toBeUndefined();
    expect(await anthropic.messages.stream(ask("say")).finalText()).toBe(words.join(""));
    expect((await anthropic.messages.countTokens({ model: "anthropic/say", messages })).input_tokens).toBe(241);
    const { data, first_id } = await anthropic.models.list({ limit: 3 });
    expect([data.map(({ type }) => type), first_id]).toEqual([["model", "model", "model"], data[0]!.id]);
  });

  test("with a key that nobody has, or none, is refused as Anthropic refuses", async () => {
    const refused = (authToken: string | null, headers = {}) => new sdk({ apiKey: null, authToken, baseURL: gateway.url, maxRetries: 0, defaultHeaders: headers }).messages.create(ask("say")).catch((error: unknown) => error);
    expect(await refused("sk-nobody")).toBeInstanceOf(sdk.AuthenticationError);
    expect(await refused("sk-nobody", { "anthropic-version": "2023-01-01" })).toMatchObject({ status: 401, error: { type: "error", error: { type: "authentication_error" } } });
  });
});
