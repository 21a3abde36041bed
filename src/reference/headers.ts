/** Headers that requests to a model can carry, and those that answers do. */
import type { Json } from "./json-schema.ts";

/** By name: what it does, and of its schema what is not any text. */
const asked: readonly (readonly [string, string, object?])[] = [
  ["Idempotency-Key", "A name of your own: a request runs and is paid once, however often it is sent."],
  ["X-Sovereign", "`true`: only the owner's own machines answer, or nobody (503).", { enum: ["true", "false"] }],
  ["X-Forge-Strict", "`true`: a 400 in place of an answer from which something was lost between protocols.", { enum: ["true", "false"] }],
  ["X-Forge-Protocol", "The protocol in which the provider is asked, of those that it speaks.", { examples: ["openai-chat"] }],
  ["X-Forge-Hedge", "`true`: a stream that is slow to begin is asked for at a second deployment too.", { enum: ["true", "false"] }],
  ["X-Forge-Continue", "`true`: a stream that breaks goes on at another deployment.", { enum: ["true", "false"] }],
  ["X-Forge-Cost", "`false`: answers say nothing of their cost.", { enum: ["true", "false"] }],
  ["X-Session-Id", "Requests of one session stay with one deployment while its cache is warm."],
  ["X-Provider-API-Keys", "Keys at providers for this request alone, as a JSON object by provider, where the organisation allows it."],
];

const told: readonly (readonly [string, string, object?])[] = [
  ["X-Request-ID", "This request's id, under which the ledger and its receipt have it."],
  ["X-RateLimit-Limit", "The key's requests per minute.", { type: "integer" }],
  ["X-RateLimit-Remaining", "How many of them are left.", { type: "integer" }],
  ["Retry-After", "Seconds after which the same request can succeed.", { type: "integer" }],
  ["X-Should-Retry", "`false`: no retry helps.", { enum: ["true", "false"] }],
  ["X-Forge-Cost", "What a whole answer cost, USD."],
  ["X-Forge-Route", "Who was tried and who answered."],
  ["X-Forge-Losses", "What could not be said in the other's protocol."],
  ["X-Forge-Budget-Warning", "Budgets that are running out."],
];

const schemaOf = (more?: object): object => ({ type: "string", ...more });

/** For `components.parameters`. */
export const headerParameters = (): Json =>
  Object.fromEntries(asked.map(([name, description, more]) => [name, { name, in: "header", required: false, description, schema: schemaOf(more) }]));

/** For `components.headers`. */
export const answerHeaders = (): Json => Object.fromEntries(told.map(([name, description, more]) => [name, { description, schema: schemaOf(more) }]));

/** References to what a request to a model can carry. */
export const headersAsked = (): Json[] => asked.map(([name]) => ({ $ref: `#/components/parameters/${name}` }));

const beside = ["X-Request-ID", "X-RateLimit-Limit", "X-RateLimit-Remaining"];
const ofAnswers = [...beside, "X-Forge-Cost", "X-Forge-Route", "X-Forge-Losses", "X-Forge-Budget-Warning"];

/** References to what an answer carries. */
export const headersTold = (of: { asks: boolean; keyed: boolean }): Json =>
  Object.fromEntries((of.asks ? ofAnswers : of.keyed ? beside : beside.slice(0, 1)).map((name) => [name, { $ref: `#/components/headers/${name}` }]));
