/** One try on one deployment: the request sent, and the first look at what came back. */
import { GatewayError } from "../errors.ts";
import { cutOut } from "../telemetry/log.ts";
import type { Attempt } from "../router/index.ts";
import { readBounded, retryAfterMs, send, upstreamRequestId, withAccess } from "../upstream/index.ts";
import type { Exchange } from "./exchange.ts";
import type { Setback } from "./tries.ts";

/** A provider's refusal or failure. */
export type Failure = {
  error: GatewayError;
  /** The provider's own words and status, passed on as they are. */
  answer?: { status: number; body: string; retryAfter: string | null } | undefined;
  upstreamRequestId: string | null;
  /** The provider has answered, with this status and not with what was asked for. */
  answered?: number;
  /** It is about reasoning that was made, and sealed, by somebody else. */
  unreadable?: true;
} & Setback;

/** `attempt` is the one asked for, its endpoint with the secret that was sent: that is what must not come back to a client. */
export type Tried = { response: Response; upstreamRequestId: string | null; attempt: Attempt } | { failure: Failure };

const errorBodyLimit = 256 * 1024;
/** Characters of an error body that are told as they are. */
const mostRaw = 4_000;
/** The provider refuses us, not the client: its key, its account, its region. */
const oursToMend = new Set([401, 402, 403, 407]);
/** Nobody else, and no other time, would answer otherwise; what another time may answer, and another deployment. */
export const final: Setback = { failsOver: false, passes: false };
export const passing: Setback = { failsOver: true, passes: true };
/** Busy, or in trouble: it passes. Not found: a deployment that is gone is gone, but its model may be elsewhere. */
export const isPassing = (status: number): boolean => status === 408 || status === 429 || (status >= 500 && status !== 501);
/** Anthropic: "Invalid `signature` in `thinking` block"; OpenAI: `invalid_encrypted_content`; Google: "Thought signature is not valid". */
const unreadable = /signature|encrypted/i;
const failsOver = (status: number): boolean => isPassing(status) || status >= 500 || status === 404 || oursToMend.has(status);

/** Sends the exchange's request to its deployment. Never throws but for the signal's own reason, once the request is under way. */
export async function tryOnce(attempt: Attempt, exchange: Exchange, signal: AbortSignal): Promise<Tried> {
  const { protocol, path, body, headers } = exchange;
  let { endpoint } = attempt;
  let response: Response;
  try {
    endpoint = await withAccess(endpoint, Date.now());
    if (signal.aborted) return { failure: { error: signal.reason as GatewayError, upstreamRequestId: null, ...final } };
    response = await send({ endpoint, protocol, path, body, headers, signal });
  } catch (error) {
    if (!(error instanceof GatewayError) || signal.aborted) throw error;
    // Anything else was about the client's own body, which was still coming.
    return { failure: { error, upstreamRequestId: null, ...(error.code === "upstream_error" ? passing : final) } };
  }
  const id = cutOut(upstreamRequestId(endpoint, response)?.slice(0, 200) ?? null, endpoint.secret);
  return response.ok ? { response, upstreamRequestId: id, attempt: { ...attempt, endpoint } } : { failure: { ...(await failureOf({ ...attempt, endpoint }, exchange.sameErrors, response, id, signal)), answered: response.status } };
}

/** The same with at most `ms` until there are headers; undefined: as long as it takes. */
export async function tryWithin(ms: number | undefined, attempt: Attempt, exchange: Exchange, signal: AbortSignal): Promise<Tried> {
  if (ms === undefined) return tryOnce(attempt, exchange, signal);
  const late = new AbortController();
  const tooSlow = new GatewayError("upstream_timeout", `${attempt.endpoint.provider.name} did not answer in time.`);
  const timer = setTimeout(() => late.abort(tooSlow), ms);
  try {
    return await tryOnce(attempt, exchange, AbortSignal.any([signal, late.signal]));
  } catch (thrown) {
    if (thrown !== tooSlow) throw thrown;
    return { failure: { error: tooSlow, upstreamRequestId: null, ...passing } };
  } finally {
    clearTimeout(timer);
  }
}

/** Reads an error answer. What is about the client's request passes as it is; what is about our account becomes a 502. */
async function failureOf({ endpoint, own }: Attempt, sameErrors: boolean, response: Response, id: string | null, signal: AbortSignal): Promise<Failure> {
  const { status } = response;
  const name = endpoint.provider.name;
  const where = `${name} answered ${status}${id ? ` (its request id: ${id})` : ""}`;
  const bytes = await readBounded(response.body, errorBodyLimit).catch(() => {
    if (signal.aborted) throw signal.reason;
    return undefined;
  });
  const text = bytes && cutOut(new TextDecoder().decode(bytes), endpoint.secret);
  const setback: Setback = { failsOver: failsOver(status), passes: isPassing(status), retryAfterMs: retryAfterMs(response.headers, text, Date.now()) };
  const sealed = status === 400 && unreadable.test(text ?? "") ? { unreadable: true as const } : {};
  if (oursToMend.has(status)) {
    return { error: new GatewayError("upstream_error", `${where}: ${own ? "the organisation's" : "the gateway's"} own access to ${name} was refused.`), upstreamRequestId: id, ...setback };
  }
  const retryAfter = /^[\w ,:.]{1,40}$/.exec(response.headers.get("retry-after") ?? "")?.[0] ?? null;
  const said = text === undefined ? undefined : errorIn(text);
  if (said?.wellFormed && sameErrors) {
    return { error: new GatewayError("upstream_error", `${where}.`), answer: { status, body: text!, retryAfter }, upstreamRequestId: id, ...setback, ...sealed };
  }
  if (status >= 500 && sameErrors) return { error: new GatewayError("upstream_error", `${where}.`), upstreamRequestId: id, ...setback };
  const seconds = /^\d{1,6}$/.test(retryAfter ?? "") ? { retryAfterSeconds: Number(retryAfter) } : {};
  const provider = { name, ...(said && { raw: text!.slice(0, mostRaw) }) };
  const error = new GatewayError("upstream_refused", said ? `${name}: ${said.message.slice(0, 2_000)}` : `${where}.`, { ...seconds, provider }, status);
  return { error, upstreamRequestId: id, ...setback, ...sealed };
}

/**
 * What an error body says, and whether it has the shape that OpenAI, Anthropic and Gemini share (in an array where Gemini was
 * asked for one). undefined: nothing that could be told.
 */
function errorIn(text: string): { message: string; wellFormed: boolean } | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const body = (Array.isArray(parsed) ? parsed[0] : parsed) as { error?: unknown; message?: unknown; Message?: unknown; detail?: unknown } | null | undefined;
    const error = body?.error;
    const message = (error as { message?: unknown } | null | undefined)?.message;
    if (typeof message === "string") return { message, wellFormed: true };
    const said = error ?? body?.message ?? body?.Message ?? body?.detail;
    return said === undefined ? undefined : { message: typeof said === "string" ? said : JSON.stringify(said), wellFormed: false };
  } catch {
    return undefined;
  }
}
