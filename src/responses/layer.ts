/** Responses that are kept: the layer around the path that finds what a request builds on, and keeps what comes of it. */
import type { Principal } from "../accounts/index.ts";
import { parseExact } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import type { Outcome } from "../ledger/entry.ts";
import { answerHeaders, callerOf, look, readJson, refusal, type RequestContext, type Serve } from "../pipeline/index.ts";
import { openaiResponses, type Protocol } from "../protocols/index.ts";
import { bodyOf } from "../replay/index.ts";
import { log } from "../telemetry/index.ts";
import { splice } from "../upstream/splice.ts";
import { accessTo, staysHome, type Access } from "./access.ts";
import { buildsOn, readAsked, type Asked } from "./asked.ts";
import { expanded, holdsCompaction } from "./compaction.ts";
import { beginningOf } from "./beginning.ts";
import { follow, left, whole as queued } from "./follow.ts";
import { historyOf, identified, reached, renamedIn, sentInput, type History } from "./history.ts";
import { holdsMarks, isSovereign, newThread, responseIdOf } from "./names.ts";
import { lastsMs, mustLastMs } from "./lasting.ts";
import { answer, keptResponses } from "./path.ts";
import { sealedTurns } from "./run.ts";
import { placeOf, type Row, type Status } from "./stored.ts";
import { isObject, objects, shownResponse, Teller, type Echo, type Json } from "./teller.ts";

type Read = { readonly text: string; readonly json: unknown };

/** One request that is kept: where, under which id, and what it is made of. */
type Keeping = { readonly context: RequestContext; readonly access: Access; readonly id: string; readonly asked: Asked; readonly echo: Echo; readonly history: History; readonly read: Read; readonly caller: Principal };

/** Answers a request of Responses, or one that counts its tokens. Never rejects. */
export const responsesKept: Serve = async (context, protocol) => {
  let caller: Principal | undefined;
  try {
    caller = await callerOf(context);
    const read = context.read ?? (await readJson(context.request, context.named?.body));
    return await answered({ ...context, read }, protocol, caller, read);
  } catch (thrown) {
    return refusal(context, protocol, caller, thrown);
  }
};

async function answered(context: RequestContext, protocol: Protocol, known: Principal, read: Read): Promise<Response> {
  const asked = readAsked(read.json, read.text);
  // What would be refused by an old view of the key is looked at anew.
  const caller = asked.background && lastsMs(context, known, "responseDays") === undefined ? (await look(context, known)).principal : known;
  const keeps = protocol.id === openaiResponses.id && isKept(asked, context, caller);
  if (!keeps && !buildsOn(asked) && !holdsCompaction(read.text)) return answer({ ...context, read: sentOn(read, asked, { before: [], own: asked.input }) }, protocol);
  const sovereign = staysHome(context, caller);
  const threads = await threadsOf(context, caller, asked, sovereign);
  const history = await historyOf(asked, threads);
  const body = sentOn(read, asked, holdsCompaction(read.text) || history.before.some(({ type }) => type === "compaction") ? await readable(context, caller, history) : history);
  const thread = asked.conversation?.thread ?? asked.previous?.thread ?? asked.references.at(-1)?.thread ?? newThread(sovereign);
  const request = { ...context, request: inSession(context.request, thread), read: body };
  if (!keeps) return answer(request, protocol);
  if (isSovereign(thread) !== sovereign) throw invalid("store", "store: a sovereign request is kept apart, so it cannot follow one that is not. Send its items as input, or store: false");
  const access = threads.get(thread) ?? (await accessTo(context, caller, thread))!;
  const { previous, conversation, instructions, background } = asked;
  const echo: Echo = { previous_response_id: previous?.id ?? null, instructions, background, store: true, ...(conversation && { conversation: { id: conversation.id } }) };
  const keeping: Keeping = { context: request, access, id: responseIdOf(thread, context.requestId), asked, echo, history, read: body, caller };
  const told = asked.stream || background ? await ran(keeping) : await whole(keeping);
  return told ?? answered(context, protocol, (await look(context, caller)).principal, read);
}

const readable = async (context: RequestContext, caller: Principal, { before, own }: History): Promise<History> =>
  ({ before: await expanded(context, caller, before), own: await expanded(context, caller, own) });

/** What a request says, with everything that it builds on. */
export async function resolved(context: RequestContext, caller: Principal, asked: Asked, text: string): Promise<History> {
  const history = await historyOf(asked, await threadsOf(context, caller, asked, staysHome(context, caller)));
  return holdsCompaction(text) || history.before.length > 0 ? readable(context, caller, history) : history;
}

const invalid = (param: string, message: string): GatewayError => new GatewayError("invalid_request", message, { param });

/** Whether a response is kept, which its organisation may rule out: what is sovereign only when the request says so itself, and by a key that can be asked for again. */
function isKept({ store, background }: Asked, context: RequestContext, caller: Principal): boolean {
  const home = staysHome(context, caller);
  const asks = home ? store === true && context.keyId === undefined : (store ?? context.isolate.settings.RESPONSES_STORE === "true");
  if (background && asks) mustLastMs(context, caller, "background");
  const keeps = asks && lastsMs(context, caller, "responseDays") !== undefined;
  if (background && !keeps) throw invalid("background", home && store !== false ? "background: needs a response that is stored, and a sovereign one only is with store: true" : "background: needs a response that is stored: leave out store: false");
  return keeps;
}

/** The threads that a request names. What is sovereign is read for a sovereign request only: others go to any host. */
async function threadsOf(context: RequestContext, caller: Principal, { previous, conversation, references }: Asked, sovereign: boolean): Promise<Map<string, Access>> {
  const names = new Set([previous, conversation, ...references].flatMap((one) => one?.thread ?? []));
  if (!sovereign && [...names].some(isSovereign)) throw invalid("previous_response_id", "What this request builds on is sovereign: send X-Sovereign: true with it.");
  const found = await Promise.all([...names].map((name) => accessTo(context, caller, name)));
  return new Map(found.flatMap((access) => (access ? [[access.thread, access]] : [])));
}

/** The body as it goes on: with everything it builds on, and without what only we understand. */
function sentOn({ text, json }: Read, { background, stream, references }: Asked, history: History): Read {
  const body = json as Json;
  const ours = ["previous_response_id", "conversation", "background"].filter((field) => field in body);
  const edits: Record<string, string> = {};
  if (history.before.length > 0 || references.length > 0 || holdsMarks(text) || holdsCompaction(text)) edits.input = JSON.stringify(sentInput(history));
  if (background && !stream) edits.stream = "true";
  if (ours.length === 0 && Object.keys(edits).length === 0) return { text, json };
  const edited = splice(text, edits, ours);
  return { text: edited, json: JSON.parse(edited) as unknown };
}

/** A thread is one conversation: it stays where its prompt is cached and its reasoning can be read. */
function inSession({ url, method, headers, signal }: Request, thread: string): Request {
  const named = new Headers(headers);
  named.delete("content-length");
  if (!named.has("x-session-id")) named.set("x-session-id", thread);
  return new Request(url, { method, headers: named, signal });
}

/** Answered here and now: what came of it is written down before it is told. One that cannot be written down says so. */
async function whole({ context, access, id, asked, echo, history, caller: known }: Keeping): Promise<Response> {
  // What its key's object knows is newer than what this isolate did when the request came.
  let caller = known;
  const response = await answer({ ...context, recognised: (now) => void (caller = now) }, keptResponses);
  const { status, headers } = response;
  if (!response.ok) return response;
  const text = await response.text();
  const told = toldIn(text);
  if (!told) return new Response(text, { status, headers });
  const kept = new Teller(id, echo, renamedIn(history)).response(told);
  const row: Row = { id, parent: asked.previous?.id ?? null, status: kept.status as Status, background: false, createdAtMs: context.startedAtMs, streams: false };
  const own = identified(history.own, id);
  const keepMs = isKept(asked, context, caller) && staysHome(context, caller) === isSovereign(access.thread) ? lastsMs(context, caller, "responseDays") : undefined;
  const saved = keepMs !== undefined && await reached(async () => {
    const [input, sealed, turns] = await Promise.all([
      access.vault.seal(JSON.stringify(own), placeOf.input(id)), access.vault.seal(JSON.stringify(kept), placeOf.response(id)),
      echo.conversation && row.status !== "failed" ? sealedTurns(access.vault, [...own, ...objects(kept.output)]) : [],
    ]);
    await access.object.save({ row, input, response: sealed, turns, keepMs });
  }).then(() => true, () => false);
  if (!saved && keepMs !== undefined) log("error", "response_not_kept", { requestId: context.requestId });
  return new Response(JSON.stringify(shownResponse(saved ? kept : { ...kept, store: false }, asked.secrets)), { status, headers });
}

function toldIn(text: string): Json | undefined {
  try {
    const told = parseExact(text);
    return isObject(told) ? told : undefined;
  } catch {
    return undefined;
  }
}

/** Run by the thread's object, whoever stays to hear of it. undefined: the caller may not have it stored there any more, and nothing was done. */
async function ran({ context, access, id, asked, echo, history, read }: Keeping): Promise<Response | undefined> {
  const { request, isolate, requestId, startedAtMs, keyId, named } = context;
  const { background, stream, secrets } = asked;
  const first = JSON.stringify(beginningOf(context, id, echo, read.json));
  const own = JSON.stringify(identified(history.own, id));
  const begun = await reached(() => access.object.begin({
    id, parent: asked.previous?.id ?? null, background, opener: access.opener, requestId, startedAtMs, text: read.text, input: own, first, echo, secrets, renamed: renamedIn(history),
    request: { url: request.url, headers: [...request.headers], region: isolate.regionOf(request) },
    ...(keyId !== undefined && { keyId }),
  }));
  if (begun.is === "refused" && begun.changed) return undefined;
  if (begun.is === "refused") return new Response(begun.body, { status: begun.status, headers: begun.headers.map(([name, value]) => [name, value]) });
  const headers = begun.headers.length > 0 ? Object.fromEntries(begun.headers) : answerHeaders(requestId, undefined, "text/event-stream; charset=utf-8");
  if (!stream) {
    named?.settled(queued as Outcome);
    return new Response(first, { headers: { ...headers, "content-type": "application/json" } });
  }
  if (named) request.signal.addEventListener("abort", () => named.settled(left as Outcome), { once: true });
  const frames = follow(access, { id, from: 0, secrets, heartbeatMs: isolate.settings.STREAM_HEARTBEAT_MS, ended: (outcome) => named?.settled(outcome as Outcome) });
  return new Response(bodyOf(frames), { headers: { ...headers, "content-type": "text/event-stream; charset=utf-8" } });
}
