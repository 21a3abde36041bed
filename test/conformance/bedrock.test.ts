/** The official SDKs against the real Worker on a socket, and behind it a server that answers as Amazon Bedrock does, to whom signs as AWS wants it. */
import Anthropic from "@anthropic-ai/sdk";
import { EventStreamCodec } from "@smithy/eventstream-codec";
import OpenAI from "openai";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { admin, createKey } from "../support/admin.ts";
import { StandIn } from "../support/server.ts";
import { events, usage, words } from "./anthropic-upstream.ts";
import { faultIn, type Account } from "./aws.ts";
import { entryOf } from "../support/entry.ts";

type Json = Record<string, any>;

const claude = "eu.anthropic.claude-haiku-4-5-20251001-v1:0";
const nova = "amazon.nova-lite-v1:0";
const embedder = "us.cohere.embed-v4:0";
const text = words.join("");
const place = { region: "us-east-1", service: "bedrock" };
/** With characters that a path or a header would have to encode. */
const account: Account = { accessKeyId: "ASIAEXAMPLE000000000", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", sessionToken: `IQoJb3JpZ2lu+/${"x".repeat(300)}==` };
const secretOf = ({ accessKeyId, secretAccessKey, sessionToken }: Account): string => [accessKeyId, secretAccessKey, sessionToken].filter(Boolean).join(":");

const codec = new EventStreamCodec((bytes) => new TextDecoder().decode(bytes), (said) => new TextEncoder().encode(said));
const frame = (type: string, body: unknown): Uint8Array => codec.encode({
  headers: { ":event-type": { type: "string", value: type }, ":message-type": { type: "string", value: "event" }, ":content-type": { type: "string", value: "application/json" } },
  body: new TextEncoder().encode(JSON.stringify(body)),
});
/** Claude's own events, each as base64 in a frame. */
const chunks = (): Uint8Array[] => events("say").join("").split("\n\n").filter(Boolean).map((event) => frame("chunk", { bytes: Buffer.from(event.slice(event.indexOf("data: ") + 6)).toString("base64"), p: "abcd" }));
const converseUsage = { inputTokens: 11, outputTokens: 7, totalTokens: 18 };
const converse = [
  frame("messageStart", { role: "assistant", p: "ab" }), ...words.map((word) => frame("contentBlockDelta", { contentBlockIndex: 0, delta: { text: word } })),
  frame("contentBlockStop", { contentBlockIndex: 0 }), frame("messageStop", { stopReason: "end_turn" }), frame("metadata", { usage: converseUsage, metrics: { latencyMs: 12 } }),
];

class Bedrock extends StandIn {
  readonly calls: { target: string; fault: string | undefined; body: Json }[] = [];

  protected serve({ method, url, headers }: IncomingMessage, sent: string, response: ServerResponse): void {
    const fault = faultIn({ method: method!, target: url!, headers, body: sent }, account, { ...place, nowMs: Date.now() });
    const body = JSON.parse(sent) as Json;
    this.calls.push({ target: url!, fault, body });
    const json = (status: number, told: unknown): void => void response.writeHead(status, { "content-type": "application/json", "x-amzn-requestid": "aws-1" }).end(JSON.stringify(told));
    if (fault) return json(403, { message: fault });
    const answers: Record<string, () => void> = {
      [`/model/${encodeURIComponent(claude)}/invoke`]: () => json(200, { id: "msg_bdrk_1", type: "message", role: "assistant", model: "claude-haiku-4-5-20251001", content: [{ type: "text", text }], stop_reason: "end_turn", stop_sequence: null, usage }),
      [`/model/${encodeURIComponent(claude)}/invoke-with-response-stream`]: () => binary(response, chunks()),
      [`/model/${encodeURIComponent(embedder)}/invoke`]: () => {
        response.setHeader("x-amzn-bedrock-input-token-count", "9");
        json(200, { id: "e1", texts: body.texts, embeddings: { float: body.texts.map((_: string, i: number) => [0.5, i]) }, response_type: "embeddings_by_type" });
      },
      [`/model/${encodeURIComponent(nova)}/converse`]: () => json(200, { output: { message: { role: "assistant", content: [{ text }] } }, stopReason: "end_turn", usage: converseUsage, metrics: { latencyMs: 12 } }),
      [`/model/${encodeURIComponent(nova)}/converse-stream`]: () => binary(response, converse),
    };
    const isAsked = body.texts ? body.input_type === "search_document" : url!.includes("/invoke") ? body.anthropic_version === "bedrock-2023-05-31" && body.model === undefined && body.stream === undefined : body.messages[0].content[0].text !== undefined;
    return isAsked && answers[url!] ? answers[url!]!() : json(400, { message: "not as Bedrock has it" });
  }
}

/** Pieces that end where no frame does. */
function binary(response: ServerResponse, frames: readonly Uint8Array[]): void {
  response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream" });
  const bytes = Buffer.concat(frames);
  for (let at = 0; at < bytes.length; at += 57) response.write(bytes.subarray(at, at + 57));
  response.end();
}

const bedrock = new Bedrock();
let gateway: LocalGateway;
let key: { secret: string; organisation: string };

beforeAll(async () => {
  const origin = await bedrock.start();
  gateway = await startLocal({ port: 0, vars: { ...createKey.secrets, BEDROCK_API_KEY: secretOf(account), BEDROCK_BASE_URL: origin, ALLOW_PRIVATE_UPSTREAMS: "true" } });
  key = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000 } });
});
afterAll(async () => {
  bedrock.stop();
  await gateway?.stop();
});
beforeEach(() => void bedrock.calls.splice(0));

const openai = (secret = key.secret) => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: secret, maxRetries: 0 });
const anthropic = () => new Anthropic({ baseURL: gateway.url, apiKey: key.secret, authToken: null, maxRetries: 0 });
const say = (model: string) => ({ model: `bedrock/${model}`, max_tokens: 64, messages: [{ role: "user" as const, content: "Grüß dich, 東京 !" }] });

const entry = (id: string | null): Promise<Json> => entryOf(gateway.url, key.secret, id);

describe("the check of signatures", () => {
  // AWS's own test case `get-vanilla`: https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html
  const signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
  const vanilla = {
    method: "GET", target: "/", body: "",
    headers: { host: "example.amazonaws.com", "x-amz-date": "20150830T123600Z", authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}` },
  };
  const example = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
  const there = { region: "us-east-1", service: "service", nowMs: Date.UTC(2015, 7, 30, 12, 36, 0) };

  test("takes what AWS takes", () => expect(faultIn(vanilla, example, there)).toBeUndefined());

  test.each<[string, object, object, object]>([
    ["another secret", {}, { secretAccessKey: "other" }, {}],
    ["another body", { body: "x" }, {}, {}],
    ["another path", { target: "/x" }, {}, {}],
    ["another query", { target: "/?a=1" }, {}, {}],
    ["another host", { headers: { ...vanilla.headers, host: "other.amazonaws.com" } }, {}, {}],
    ["a header of AWS's that is not signed", { headers: { ...vanilla.headers, "x-amz-target": "x" } }, {}, {}],
    ["a session that did not sign", { headers: { ...vanilla.headers, "x-amz-security-token": "t" } }, { sessionToken: "t" }, {}],
    ["another region", {}, {}, { region: "eu-west-1" }],
    ["an hour later", {}, {}, { nowMs: there.nowMs + 3_600_000 }],
    ["no signature", { headers: { host: "example.amazonaws.com" } }, {}, {}],
  ])("refuses %s", (_, request, owner, where) => expect(faultIn({ ...vanilla, ...request }, { ...example, ...owner }, { ...there, ...where })).toMatch(/Exception/));
});

describe.each([["Claude", claude, { inputTokens: 241, outputTokens: 7 }, ["invoke", "invoke-with-response-stream"]], ["Nova", nova, { inputTokens: 11, outputTokens: 7 }, ["converse", "converse-stream"]]] as const)("%s, with signed calls", (_, model, counted, methods) => {
  test("OpenAI's SDK, whole and streamed", async () => {
    expect((await openai().chat.completions.create(say(model))).choices[0]!.message.content).toBe(text);
    const { data: streamed, response } = await openai().chat.completions.create({ ...say(model), stream: true, stream_options: { include_usage: true } }).withResponse();
    const read = await Array.fromAsync(streamed);
    expect(read.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe(text);
    expect([read.at(-1)!.usage?.completion_tokens, read.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])]).toEqual([7, ["stop"]]);
    expect(await entry(response.headers.get("x-request-id"))).toMatchObject({ end: "complete", estimated: false, deployment: `bedrock/${model}`, usage: counted });
    expect(bedrock.calls.map(({ target, fault }) => [target, fault])).toEqual(methods.map((method) => [`/model/${encodeURIComponent(model)}/${method}`, undefined]));
  });

  test("Anthropic's SDK, whole and streamed", async () => {
    expect((await anthropic().messages.create(say(model))).content).toMatchObject([{ type: "text", text }]);
    const stream = anthropic().messages.stream(say(model));
    const last = await stream.finalMessage();
    expect([await stream.finalText(), last.stop_reason, last.usage.output_tokens]).toEqual([text, "end_turn", 7]);
    expect(bedrock.calls.map(({ target, fault }) => [target, fault])).toEqual(methods.map((method) => [`/model/${encodeURIComponent(model)}/${method}`, undefined]));
  });

  test("OpenAI's Responses, streamed", async () => {
    const stream = openai().responses.stream({ model: `bedrock/${model}`, input: "hello", store: false });
    const last = await stream.finalResponse();
    expect([last.output_text, last.status, last.usage?.output_tokens, bedrock.calls.map(({ fault }) => fault)]).toEqual([text, "completed", 7, [undefined]]);
  });
});

test("vectors of Cohere's, whose tokens Bedrock tells in a header", async () => {
  const { data, response } = await openai().embeddings.create({ model: `bedrock/${embedder}`, input: ["a", "b"], encoding_format: "float" }).withResponse();
  expect([data.data.map(({ embedding }) => embedding), data.usage]).toEqual([[[0.5, 0], [0.5, 1]], { prompt_tokens: 9, total_tokens: 9 }]);
  expect(await entry(response.headers.get("x-request-id"))).toMatchObject({ estimated: false, usage: { inputTokens: 9 } });
  expect(bedrock.calls.map(({ fault }) => fault)).toEqual([undefined]);
});

test.each([
  ["another secret key", { ...account, secretAccessKey: "wrong" }, /signature we calculated/],
  ["another session", { ...account, sessionToken: "old" }, /security token/],
  ["no session", { accessKeyId: account.accessKeyId, secretAccessKey: account.secretAccessKey }, /security token/],
  ["another key id", { ...account, accessKeyId: "AKIAOTHER" }, /security token/],
])("%s is refused, and nothing of it is told", async (_, wrong, why) => {
  const other = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000 } });
  await admin(gateway.url, "PUT", `/organisations/${other.organisation}/credentials/bedrock`, { secret: secretOf(wrong) });
  const refused = await openai(other.secret).chat.completions.create(say(nova)).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(OpenAI.APIError);
  expect([bedrock.calls.length, bedrock.calls[0]!.fault]).toEqual([1, expect.stringMatching(why)]);
  expect(JSON.stringify((refused as InstanceType<typeof OpenAI.APIError>).error)).not.toContain(wrong.secretAccessKey);
});
