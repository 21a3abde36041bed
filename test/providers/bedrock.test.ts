/** Bedrock: who is asked in which protocol, where, and how calls are signed. */
import { afterEach, expect, test, vi } from "vitest";
import { passthrough } from "../../src/pipeline/passthrough.ts";
import { anthropicMessages } from "../../src/protocols/index.ts";
import { providerOf } from "../../src/providers/index.ts";
import { send } from "../../src/upstream/index.ts";

const bedrock = providerOf("bedrock")!;
const baseUrl = "https://bedrock-runtime.eu-west-1.amazonaws.com";
const claude = "eu.anthropic.claude-haiku-4-5-20251001-v1:0";

afterEach(() => void vi.restoreAllMocks());

async function headersSent(secret: string): Promise<Headers> {
  const called = vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json({}));
  await send({ endpoint: { provider: bedrock, baseUrl, secret }, protocol: "bedrock-converse", path: `/model/${encodeURIComponent(claude)}/converse`, body: "{}", headers: {}, signal: new AbortController().signal });
  return new Headers(called.mock.calls[0]![1]?.headers);
}

test("Claude is asked in its own protocol, everybody else by Converse", () => {
  expect(bedrock.speaksFor!(claude)[0]).toBe("anthropic-messages");
  expect(bedrock.speaksFor!("amazon.nova-lite-v1:0")).toEqual(["bedrock-converse"]);
});

test.each([[true, "invoke-with-response-stream"], [false, "invoke"]] as const)("Claude's body goes as Bedrock wants it, stream %s", (stream, method) => {
  const body = { model: "x", max_tokens: 5, messages: [{ role: "user", content: "hi" }], stream };
  const attempt = { endpoint: { provider: bedrock, baseUrl, secret: "k" }, upstreamId: claude, deployment: "", vital: "", prices: [], maxOutputTokens: undefined, protocols: [] };
  const exchange = passthrough(attempt, anthropicMessages, { text: JSON.stringify(body), json: body, facts: anthropicMessages.parse(body), headers: new Headers(), requestId: "req_0", startedAtMs: 0 });
  expect(exchange.path).toBe(`/model/${encodeURIComponent(claude)}/${method}`);
  expect(JSON.parse(String(exchange.body))).toEqual({ max_tokens: 5, messages: body.messages, anthropic_version: "bedrock-2023-05-31" });
});

test("a Bedrock API key is a bearer token", async () => {
  expect((await headersSent("ABSKexample")).get("authorization")).toBe("Bearer ABSKexample");
});

test("an access key signs the call and does not travel", async () => {
  const headers = await headersSent("AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY:session");
  expect(headers.get("authorization")).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/bedrock\/aws4_request, SignedHeaders=[\w;-]*host[\w;-]*, Signature=[0-9a-f]{64}$/);
  expect(headers.get("x-amz-security-token")).toBe("session");
  expect([...headers.values()].join()).not.toContain("wJalr");
});
