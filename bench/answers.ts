/** What the upstream stub answers, as bytes that are built once: JSON completions and event streams in HTTP chunks. */

/** Tokens the stub claims for every request; a stream of N events has N output tokens instead. */
export const promptTokens = 57;
export const completionTokens = 143;

const eventBytes = 200;
const crlf = "\r\n";

/** A stream's parts: `all` is head and body in one piece, `pieces` the same for sending one at a time. */
export type StreamAnswer = { head: Buffer; pieces: Buffer[]; all: Buffer; outputTokens: number };

/** One ~1 kB chat completion with usage, head included. */
export const completion: Buffer = withLength(JSON.stringify({
  id: "chatcmpl-bench",
  object: "chat.completion",
  created: 1_760_000_000,
  model: "bench",
  choices: [{
    index: 0,
    message: { role: "assistant", content: "The quick brown fox jumps over the lazy dog. ".repeat(13), refusal: null, annotations: [] },
    logprobs: null,
    finish_reason: "stop",
  }],
  usage: {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  },
  service_tier: "default",
  system_fingerprint: "fp_bench",
}));

/** The same answer as a Messages response. */
export const message: Buffer = withLength(JSON.stringify({
  ...messageHead(),
  content: [{ type: "text", text: "The quick brown fox jumps over the lazy dog. ".repeat(13) }],
  stop_reason: "end_turn",
  usage: messageUsage(completionTokens),
}));

const built = new Map<string, StreamAnswer>();

/**
 * A stream of `events` chat chunks of about 200 bytes, each in its own HTTP chunk, then [DONE]. As the real API does,
 * `usage` adds `"usage":null` to each chunk and one last chunk with the figures and no choices.
 */
export function chatStream(events: number, usage: boolean): StreamAnswer {
  return once(`chat:${events}:${usage}`, events, () => [
    ...Array.from({ length: events }, (_, i) => event(i, events, usage)),
    ...(usage ? [usageEvent(events)] : []),
    "data: [DONE]\n\n",
  ]);
}

/** A Messages stream with `events` deltas of one text block and the events around them. */
export function messagesStream(events: number): StreamAnswer {
  return once(`messages:${events}`, events, () => [
    named({ type: "message_start", message: { ...messageHead(), content: [], stop_reason: null, usage: messageUsage(1) } }),
    named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
    named({ type: "ping" }),
    ...Array.from({ length: events }, () => named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: " word" } })),
    named({ type: "content_block_stop", index: 0 }),
    named({ type: "message_delta", delta: { stop_reason: "end_turn", stop_sequence: null }, usage: messageUsage(events) }),
    named({ type: "message_stop" }),
  ]);
}

/** A JSON body with its HTTP head. */
export function withLength(json: string, status = "200 OK"): Buffer {
  return Buffer.from([`HTTP/1.1 ${status}`, "content-type: application/json", "x-request-id: req_bench", `content-length: ${Buffer.byteLength(json)}`, "", json].join(crlf));
}

/** Each event in its own HTTP chunk; the last one ends the body as well. */
function once(key: string, outputTokens: number, events: () => string[]): StreamAnswer {
  const known = built.get(key);
  if (known) return known;
  const head = Buffer.from(["HTTP/1.1 200 OK", "content-type: text/event-stream; charset=utf-8", "cache-control: no-cache", "x-request-id: req_bench", "transfer-encoding: chunked", "", ""].join(crlf));
  const pieces = events().map(httpChunk);
  pieces.push(Buffer.concat([pieces.pop()!, Buffer.from(`0${crlf}${crlf}`)]));
  const answer = { head, pieces, all: Buffer.concat([head, ...pieces]), outputTokens };
  built.set(key, answer);
  return answer;
}

function messageHead() {
  return { id: "msg_bench", type: "message", role: "assistant", model: "bench", stop_sequence: null };
}

function messageUsage(outputTokens: number) {
  return { input_tokens: promptTokens, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: outputTokens, service_tier: "standard" };
}

function named(data: { type: string } & Record<string, unknown>): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function event(i: number, events: number, usage: boolean): string {
  const last = i === events - 1;
  const delta = i === 0 ? { role: "assistant", content: "" } : last ? {} : { content: " word" };
  const chunk = { ...chunkHead, choices: [{ index: 0, delta, logprobs: null, finish_reason: last ? "stop" : null }], ...(usage && { usage: null }), obfuscation: "" };
  const short = eventBytes - JSON.stringify(chunk).length - "data: \n\n".length;
  return `data: ${JSON.stringify({ ...chunk, obfuscation: "x".repeat(Math.max(0, short)) })}\n\n`;
}

function usageEvent(events: number): string {
  const usage = { prompt_tokens: promptTokens, completion_tokens: events, total_tokens: promptTokens + events, prompt_tokens_details: { cached_tokens: 0 }, completion_tokens_details: { reasoning_tokens: 0 } };
  return `data: ${JSON.stringify({ ...chunkHead, choices: [], usage })}\n\n`;
}

const chunkHead = { id: "chatcmpl-bench", object: "chat.completion.chunk", created: 1_760_000_000, model: "bench" };

function httpChunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}${crlf}${text}${crlf}`);
}
