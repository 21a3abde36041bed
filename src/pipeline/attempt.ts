/** One try on one deployment: the client's bytes with a few fields set, sent, and the first look at what came back. */
import { GatewayError } from "../errors.ts";
import { cutOut } from "../telemetry/log.ts";
import type { Protocol, RequestFacts } from "../protocols/protocol.ts";
import type { Attempt } from "../router/index.ts";
import { rawValue, readBounded, send, splice, upstreamRequestId } from "../upstream/index.ts";

/** A provider's refusal or failure. */
export type Failure = {
  error: GatewayError;
  /** The provider's own words and status, passed on as they are. */
  answer?: { status: number; body: string; retryAfter: string | null };
  upstreamRequestId: string | null;
  failsOver: boolean;
};

export type Tried = { response: Response; upstreamRequestId: string | null } | { failure: Failure };

const errorBodyLimit = 256 * 1024;
/** The provider refuses us, not the client: its key, its account, its region. */
const oursToMend = new Set([401, 402, 403, 407]);

/** The client's request: its body's text, what was read of it, and its headers. */
export type ClientRequest = { text: string; facts: RequestFacts; headers: Headers };

/** Sends the request to one deployment. Never throws but for the signal's own reason. */
export async function tryOnce(attempt: Attempt, protocol: Protocol, { text, facts, headers }: ClientRequest, signal: AbortSignal): Promise<Tried> {
  const { endpoint, upstreamId } = attempt;
  const { streamOptions } = endpoint.provider;
  const { stream_options, ...edits } = protocol.edits(facts, (key) => rawValue(text, key), upstreamId);
  if (stream_options !== undefined && streamOptions === undefined) edits.stream_options = stream_options;
  const named: Record<string, string> = typeof protocol.path === "string" ? { model: JSON.stringify(upstreamId) } : {};
  const body = splice(text, { ...edits, ...named }, streamOptions === "refused" ? ["stream_options"] : []);
  const path = endpoint.provider.paths?.[protocol.id] ?? (typeof protocol.path === "string" ? protocol.path : protocol.path(upstreamId));
  let response: Response;
  try {
    response = await send({ endpoint, protocol: protocol.id, path, body, headers: passedOn(headers, protocol.headers), signal });
  } catch (error) {
    if (!(error instanceof GatewayError) || signal.aborted) throw error;
    return { failure: { error, upstreamRequestId: null, failsOver: true } };
  }
  const id = cutOut(upstreamRequestId(endpoint, response)?.slice(0, 200) ?? null, endpoint.secret);
  return response.ok ? { response, upstreamRequestId: id } : { failure: await failureOf(attempt, response, id, signal) };
}

/** Of the client's headers those that its protocol names. */
function passedOn(headers: Headers, names: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  }));
}

/** Reads an error answer. What is about the client's request passes as it is; what is about our account becomes a 502. */
async function failureOf({ endpoint }: Attempt, response: Response, id: string | null, signal: AbortSignal): Promise<Failure> {
  const { status } = response;
  const name = endpoint.provider.name;
  const where = `${name} answered ${status}${id ? ` (its request id: ${id})` : ""}`;
  const bytes = await readBounded(response.body, errorBodyLimit).catch(() => {
    if (signal.aborted) throw signal.reason;
    return undefined;
  });
  const text = bytes && cutOut(new TextDecoder().decode(bytes), endpoint.secret);
  const failsOver = status === 408 || status === 429 || status >= 500 || oursToMend.has(status);
  if (oursToMend.has(status)) {
    return { error: new GatewayError("upstream_error", `${where}: the gateway's own access to ${name} was refused.`), upstreamRequestId: id, failsOver };
  }
  const retryAfter = /^[\w ,:.]{1,40}$/.exec(response.headers.get("retry-after") ?? "")?.[0] ?? null;
  const said = text === undefined ? undefined : errorIn(text);
  if (said === "well-formed") {
    return { error: new GatewayError("upstream_error", `${where}.`), answer: { status, body: text!, retryAfter }, upstreamRequestId: id, failsOver };
  }
  if (status >= 500) return { error: new GatewayError("upstream_error", `${where}.`), upstreamRequestId: id, failsOver };
  const seconds = /^\d{1,6}$/.test(retryAfter ?? "") ? { retryAfterSeconds: Number(retryAfter) } : {};
  const error = new GatewayError("upstream_refused", said ? `${name}: ${said.slice(0, 2_000)}` : `${where}.`, seconds, status);
  return { error, upstreamRequestId: id, failsOver };
}

/**
 * What an error body says: "well-formed" when it has the shape that OpenAI, Anthropic and Gemini share
 * (in an array where Gemini was asked for one), else its message if it has one.
 */
function errorIn(text: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const body = (Array.isArray(parsed) ? parsed[0] : parsed) as { error?: unknown; message?: unknown; detail?: unknown } | null | undefined;
    const error = body?.error;
    if (typeof error === "object" && error !== null && typeof (error as { message?: unknown }).message === "string") return "well-formed";
    const said = error ?? body?.message ?? body?.detail;
    return typeof said === "string" ? said : said === undefined ? undefined : JSON.stringify(said);
  } catch {
    return undefined;
  }
}
