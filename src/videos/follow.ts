/** A film that was begun is asked after, fetched, kept and removed, at whoever makes it. */
import { keysHeader } from "../accounts/index.ts";
import { openCredential, openerOf, sealCredential, type Masters } from "../accounts/credentials.ts";
import { noUsage } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import type { Outcome } from "../ledger/entry.ts";
import { callerOf } from "../pipeline/admit.ts";
import type { Isolate, RequestContext } from "../pipeline/index.ts";
import { outcomeOf } from "../pipeline/outcome.ts";
import type { Progress } from "../protocols/job.ts";
import type { Endpoint } from "../providers/index.ts";
import type { Attempt } from "../router/index.ts";
import { ask, withAccess } from "../upstream/index.ts";
import { jsonIn, makerOf } from "./begin.ts";
import type { Deployed, Job } from "./job.ts";

const pollMs = 30_000;
/** A film may be in the answer. */
const mostAnswerBytes = 96 * 1024 * 1024;

/** What an object keeps of a request's words, sealed for it alone. */
const owner = (organisationId: string, id: string) => ({ organisationId, provider: `video ${id}` });
export const sealed = async (masters: Masters, { organisationId, id }: Pick<Job, "organisationId" | "id">, text: string): Promise<string> => JSON.stringify(await sealCredential(masters.current, owner(organisationId, id), text));
export const opened = (masters: Masters, { organisationId, id }: Pick<Job, "organisationId" | "id">, text: string): Promise<string> => openerOf(masters)(owner(organisationId, id), JSON.parse(text) as Parameters<typeof openCredential>[2]);

/** Where a film is made, with the key that it was begun with. Throws where that is no more. */
export async function endpointAt(isolate: Isolate, job: Pick<Job, "organisationId" | "id" | "keyId">, { provider, baseUrl, own, brought }: Deployed, waitUntil: RequestContext["waitUntil"]): Promise<Endpoint> {
  const endpoint = isolate.endpoints.get(provider)?.find((one) => one.baseUrl === baseUrl);
  if (!endpoint) throw new GatewayError("no_provider", `${provider} is not set up here any more.`);
  if (!own) return withAccess(endpoint, Date.now());
  const headers: Record<string, string> = brought === undefined ? {} : { [keysHeader]: await opened(isolate.masters, job, brought) };
  const caller = await callerOf({ request: new Request("https://job.invalid/", { headers }), isolate, requestId: "", startedAtMs: Date.now(), waitUntil, keyId: job.keyId });
  const secret = caller.credentials.get(provider)?.secret;
  if (secret === undefined) throw new GatewayError("no_provider", `The organisation has no account at ${provider} any more.`);
  return withAccess({ ...endpoint, secret }, Date.now());
}

/** How far it is; undefined: nobody says so now. `gone`: the provider does not know it. */
export async function askAfter(endpoint: Endpoint, { protocol, upstreamId }: Deployed, ref: string): Promise<Progress | "gone" | undefined> {
  const maker = makerOf(protocol)!;
  const { at, body } = maker.poll(ref, upstreamId);
  return inTime(pollMs, async (signal) => {
    const response = await ask({ endpoint, protocol, at, body, signal });
    if (response.ok) return maker.progress(await jsonIn(response, mostAnswerBytes), response.status);
    void response.body?.cancel();
    return response.status === 404 || response.status === 410 ? ("gone" as const) : undefined;
  }).catch(() => undefined);
}

/** Work that is given up after `ms`. No timer stays behind: it would keep an object awake. */
export async function inTime<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new GatewayError("upstream_timeout", "The provider did not answer in time.")), ms);
  try {
    return await work(late.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks for its end, or for what it made to go. Whether it did. */
export async function askToRemove(endpoint: Endpoint, { protocol }: Deployed, ref: string): Promise<boolean> {
  const at = makerOf(protocol)?.remove?.(ref);
  if (at === undefined) return false;
  const response = await inTime(pollMs, (signal) => ask({ endpoint, protocol, at, method: "DELETE", signal })).catch(() => undefined);
  void response?.body?.cancel();
  return response?.ok === true;
}

/** What it came to. A film that was not made costs nothing. */
export function outcomeFor(job: Job, endpoint: Pick<Endpoint, "provider"> | undefined, done: Extract<Progress, { is: "done" }> | undefined, nowMs: number): Outcome {
  const { at, model, reserved, refused, createdAtMs, error, requestId } = job;
  const facts = { model, stream: false, usageAsked: false, inputTokens: 0, likelyInputTokens: 0, outputTokens: 0, choices: 1 };
  const attempt = { endpoint: endpoint ?? { provider: { selfHosted: false } }, deployment: at?.deployment ?? "", prices: at?.prices ?? [], own: at?.own === true } as unknown as Attempt;
  const seconds = done && (done.seconds ?? job.seconds ?? makerOf(at!.protocol)!.usualSeconds) * (done.films ?? 1);
  const seen = done && {
    usage: { ...noUsage, pieces: { video_second: seconds! } }, guessed: done.seconds === undefined && job.seconds === undefined, reportedNanoUsd: done.reportedNanoUsd,
    error: undefined, terminated: true, outputCharacters: 1,
  };
  return outcomeOf(facts, at?.protocol ?? "", attempt, seen, {
    end: done ? "complete" : job.standing === "cancelled" ? "client_gone" : "upstream_error", status: done ? 200 : 502, way: "buffered", firstByteMs: null, totalMs: nowMs - createdAtMs,
    attempts: refused.length + (at ? 1 : 0), upstreamRequestId: job.ref?.slice(0, 200) ?? requestId, errorCode: done ? null : (error?.code ?? "upstream_error"), reserved, refused,
  }, createdAtMs);
}
