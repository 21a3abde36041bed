/**
 * What providers' own batches are used for follows from their rows, from the catalog's prices and from how a line of each endpoint would be asked: a way that is
 * cheaper is used, or there is a reason why not.
 */
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { endpointsOf, protocolAt } from "../../src/batches/endpoints.ts";
import { isTaken } from "../../src/batches/native-lines.ts";
import catalogSql from "../../src/catalog/catalog.sql?raw";
import { loadCatalog, type Catalog, type Deployment } from "../../src/catalog/index.ts";
import { isCheaperInBatches } from "../../src/ledger/price.ts";
import { exchangeFor, kindsFor, protocolsFor, reading } from "../../src/pipeline/chat.ts";
import { factsOf } from "../../src/pipeline/relay.ts";
import { endpoints, providers } from "../../src/providers/index.ts";
import { envName } from "../../src/providers/provider.ts";
import { weigh } from "../../src/router/index.ts";
import { ask } from "../router/stage.ts";

const messages = [{ role: "user", content: "hi" }];
/** A line of each endpoint. */
const bodies: Readonly<Record<string, object>> = {
  "/v1/chat/completions": { messages, max_tokens: 10 }, "/v1/responses": { input: "hi", max_output_tokens: 10 }, "/v1/completions": { prompt: "hi", max_tokens: 10 }, "/v1/messages": { messages, max_tokens: 10 },
  "/v1/embeddings": { input: ["one", "two"] }, "/v1/moderations": { input: "hi" }, "/v1/images/generations": { prompt: "a cat" },
  "/v1/images/edits": { prompt: "a cat", images: [{ image_url: "data:image/png;base64,AAAA" }] }, "/v1/videos": { prompt: "a cat" },
};

const judged = "where a model judges and has not, it is asked again, which a batch that is over cannot be";
const stored = "its batches read and write only what the customer has in Cloud Storage or BigQuery: there is nothing for a gateway to hand over or to read";

/** Where batches are cheaper, and are not used: why. */
const unused: Readonly<Record<string, string>> = {
  "azure /v1/completions": "its batches take chat completions and responses",
  "xai /v1/responses": "there they come back as chat completions: who wants them told as such says so (X-Forge-Protocol)",
  ...Object.fromEntries(["anthropic", "azure", "gemini", "openai", "xai", "vertex"].map((provider) => [`${provider} /v1/moderations`, judged])),
  ...Object.fromEntries(["chat/completions", "responses", "completions", "messages", "embeddings", "images/generations", "images/edits"].map((path) => [`vertex /v1/${path}`, stored])),
};

const asOfMs = Date.parse("2026-11-22");
const vars = { AZURE_BASE_URL: "https://acme.openai.azure.com/openai/v1", VERTEX_PROJECT: "acme", VERTEX_LOCATION: "global", ...Object.fromEntries(providers.map(({ id }) => [envName(id, "API_KEY"), "sk-there"])) };
const reached = endpoints({ vars, allowPrivate: false });

let catalog: Catalog;
let cheaper: readonly Deployment[];

beforeAll(async () => {
  vi.spyOn(Date, "now").mockReturnValue(asOfMs);
  await env.DB.batch(catalogSql.replace(/^--.*$/gm, "").split(/;\n/).map((text) => text.trim()).filter(Boolean).map((statement) => env.DB.prepare(statement)));
  catalog = await loadCatalog(env.DB);
  cheaper = [...catalog.byName.values()].filter(({ prices }) => isCheaperInBatches(prices, asOfMs));
});
afterAll(() => void vi.restoreAllMocks());

const lines = [...endpointsOf("file").map((path) => ["file", path] as const), ...endpointsOf("messages").map((path) => ["messages", path] as const)];

/** Whether a line is done by a batch of the provider's; undefined: the deployment is none for it. */
function takes({ name, model }: Deployment, [shape, path]: (typeof lines)[number], headers = new Headers()): boolean | undefined {
  const way = protocolAt(shape, path);
  const { protocol } = way;
  const json = { model: name, ...bodies[path] };
  const text = JSON.stringify(json);
  const facts = factsOf(protocol, text, json);
  const kinds = kindsFor(protocol);
  const { kind = "chat" } = protocol;
  const { attempts: [attempt] } = weigh(ask(name, catalog, { protocols: protocolsFor(protocol, headers), kind, kinds, atMs: asOfMs, endpoints: reached }));
  if (!attempt || (kinds?.get(attempt.protocols[0]!) ?? kind) !== model.kind || (kind === "image" && model.kind !== kind)) return undefined;
  const exchange = exchangeFor(attempt, protocol, { text, json, facts, headers, requestId: "req_1", startedAtMs: asOfMs }, reading(protocol, text));
  return isTaken(way, { attempt, exchange });
}

test("every provider whose batches are used has models that are cheaper in them", () => {
  const named = new Set(cheaper.map(({ provider }) => provider));
  expect(providers.filter(({ id, batches }) => batches && !named.has(id)).map(({ id }) => id)).toEqual([]);
});

test("every deployment that is cheaper in batches has its batches used for each endpoint that it serves, or there is a reason why not", () => {
  const all = cheaper.flatMap((deployment) => lines.map((line) => ({ deployment, where: `${deployment.provider} ${line[1]}`, is: takes(deployment, line) })));
  expect([...new Set(all.filter(({ is }) => is === false).map(({ where }) => where))].sort()).toEqual(Object.keys(unused).sort());
  const served = all.filter(({ is }) => is !== undefined).map(({ deployment: { provider, model } }) => `${provider} ${model.kind}`);
  // Whose kind no line is for.
  expect([...new Set(cheaper.map(({ provider, model }) => `${provider} ${model.kind}`))].filter((one) => !served.includes(one)).sort()).toEqual(["gemini speech", "vertex speech"]);
});

test("responses of xAI's that are to be told as chat completions are", () => {
  const grok = cheaper.find(({ provider }) => provider === "xai")!;
  expect(takes(grok, ["file", "/v1/responses"], new Headers({ "x-forge-protocol": "openai-chat" }))).toBe(true);
});
