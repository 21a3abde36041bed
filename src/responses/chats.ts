/** Chat completions that are stored because they ask for it. https://platform.openai.com/docs/api-reference/chat/list */
import type { Principal } from "../accounts/index.ts";
import { collect, parseExact, type ChatEvent } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import { callerOf, isWish, readJson, refusal, serve, type RequestContext, type Serve } from "../pipeline/index.ts";
import { conversations, openaiChat } from "../protocols/index.ts";
import { dataOf, splitFrames } from "../protocols/sse.ts";
import { log } from "../telemetry/index.ts";
import { splice } from "../upstream/splice.ts";
import { openerOf, staysHome } from "./access.ts";
import { reached } from "./history.ts";
import type { Asking } from "./kept.ts";
import { lastsMs } from "./lasting.ts";
import { listed, noPlace, pageOf, type Listed } from "./listing.ts";
import type { ChatPlace, Chats, KeptChat } from "./stored-chats.do.ts";
import type { Place } from "./stored.ts";
import { isObject, objects, type Json } from "./teller.ts";
import { Vault } from "./vault.ts";

type Shelf = { readonly chats: Chats; readonly vault: Vault };
/** One on which something is put, for so long. */
type Opened = Shelf & { readonly keepMs: number };

const unknown = (id: string): GatewayError => new GatewayError("not_found", `Chat completion with id '${id.slice(0, 100)}' not found.`);

/** Where the caller's chats lie: an organisation's together; what is sovereign by the key that made it, which alone can read it. */
async function shelfOf(context: RequestContext, caller: Principal): Promise<Shelf | undefined> {
  const found = await openerOf(context, caller, staysHome(context, caller) ? "schats" : "tchats");
  const { STORED_CHATS } = context.isolate.env;
  return found && { chats: STORED_CHATS.getByName(found.owner) as unknown as Chats, vault: new Vault(found.opener) };
}

/** Answers a chat completion, and stores it where it says `store: true`: as it was told, and never at the provider. Never rejects. */
export const chatsKept: Serve = async (context, protocol) => {
  let caller: Principal | undefined;
  try {
    caller = await callerOf(context);
    const read = context.read ?? (await readJson(context.request, context.named?.body));
    const body = read.json as Json;
    if (body.store !== true) return await serve({ ...context, read }, protocol);
    const { store: _, metadata, ...rest } = body;
    if (metadata != null && !(isObject(metadata) && Object.values(metadata).every((value) => typeof value === "string"))) throw new GatewayError("invalid_request", "metadata: must be an object of strings", { param: "metadata" });
    const text = splice(read.text, {}, ["store", "metadata"]);
    const recognised = (now: Principal): void => {
      caller = now;
      if (lastsMs(context, now, "chatDays") === undefined && isWish(context.request.headers.get("x-forge-strict"))) throw new GatewayError("invalid_request", "store: your organisation stores no chat completions, and X-Forge-Strict is asked for.", { param: "store", shouldRetry: false });
    };
    const response = await serve({ ...context, recognised, read: { text, json: rest } }, protocol);
    if (!response.ok) return response;
    const keepMs = lastsMs(context, caller, "chatDays");
    const shelf = keepMs === undefined ? undefined : await shelfOf(context, caller);
    return shelf ? await kept(context, { ...shelf, keepMs: keepMs! }, { text, metadata: (metadata ?? {}) as Json }, response) : unkept(response);
  } catch (thrown) {
    return refusal(context, protocol, caller, thrown);
  }
};

/** The answer to who asked for it to be stored, and whose organisation stores none: that it is not is said beside other losses. */
function unkept(response: Response): Response {
  const headers = new Headers(response.headers);
  const losses = headers.get("x-forge-losses");
  headers.set("x-forge-losses", losses === null ? "store" : `${losses}, store`);
  return new Response(response.body, { status: response.status, headers });
}

type Asked = { readonly text: string; readonly metadata: Json };

async function kept(context: RequestContext, shelf: Opened, asked: Asked, response: Response): Promise<Response> {
  const { status, headers } = response;
  if (headers.get("content-type")?.startsWith("text/event-stream")) return new Response(response.body!.pipeThrough(recorded(context, shelf, asked)), { status, headers });
  const text = await response.text();
  await save(context, shelf, asked, text);
  return new Response(text, { status, headers });
}

/** Passes a stream on, and stores what it said once it is whole. A client that leaves before has no chat to come back to. */
function recorded(context: RequestContext, shelf: Opened, asked: Asked): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  let text = "";
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      text += decoder.decode(bytes, { stream: true });
      controller.enqueue(bytes);
    },
    flush: () => save(context, shelf, asked, wholeOf(context, asked, text)),
  });
}

/** The completion that a stream told, as JSON text. */
function wholeOf({ requestId, startedAtMs }: RequestContext, asked: Asked, text: string): string {
  const frames = splitFrames(text).flatMap((frame) => dataOf(frame) ?? []).filter((data) => data !== "[DONE]");
  const parser = conversations.get(openaiChat.id)!.parseStream({ origin: { protocol: openaiChat.id, provider: "" }, idSeed: requestId });
  const events: ChatEvent[] = [...frames.flatMap((data) => parser.push({ data })), ...parser.end()];
  const { parseRequest, renderResponse } = openaiChat.conversation!;
  const { body } = renderResponse(collect(events), { request: parseRequest(parseExact(asked.text)), requestId, nowS: Math.floor(startedAtMs / 1_000) });
  const id = /"id"\s*:\s*"([^"]+)"/.exec(frames[0] ?? "")?.[1];
  return id === undefined ? body : splice(body, { id: JSON.stringify(id) });
}

/** Stores it. One that cannot be stored was answered all the same, and is not found later. */
async function save(context: RequestContext, { chats, vault, keepMs }: Opened, { text, metadata }: Asked, response: string): Promise<void> {
  try {
    const { id, model } = JSON.parse(response) as Json;
    if (typeof id !== "string" || id === "" || id.length > 200) return;
    const place = (part: string): string => `${id}:${part}`;
    const [request, told, described, tags] = await Promise.all([vault.seal(text, place("request")), vault.seal(response, place("response")), vault.seal(JSON.stringify(metadata), place("metadata")), tagsOf(vault, metadata)]);
    await reached(() => chats.save({ row: { id, createdAtMs: context.startedAtMs, model: typeof model === "string" ? model : "", tags }, request, response: told, metadata: described }, keepMs));
  } catch (error) {
    log("error", "chat_not_kept", { requestId: context.requestId, message: String(error) });
  }
}

const tagsOf = (vault: Vault, metadata: Json): Promise<string[]> => Promise.all(Object.entries(metadata).map(([key, value]) => vault.mark(`${key}=${String(value)}`)));

async function shelfFor({ context, caller }: Asking, id = ""): Promise<Shelf> {
  return (await shelfOf(context, caller)) ?? fail(unknown(id));
}

function fail(error: GatewayError): never {
  throw error;
}

async function opened({ vault }: Shelf, { row: { id }, response, metadata }: KeptChat): Promise<Json> {
  const [told, described] = await Promise.all([vault.open(response, `${id}:response`), vault.open(metadata, `${id}:metadata`)]);
  return { ...(parseExact(told) as Json), metadata: JSON.parse(described) as Json };
}

async function found(shelf: Shelf, id: string): Promise<KeptChat> {
  return (await reached(() => shelf.chats.find(id))) ?? fail(unknown(id));
}

export async function retrieve(asking: Asking, id: string): Promise<Json> {
  const shelf = await shelfFor(asking, id);
  return opened(shelf, await found(shelf, id));
}

/** `metadata`: pairs that a chat must have. */
export async function list(asking: Asking, { metadata, ...place }: Omit<ChatPlace, "tags"> & { readonly metadata: Json }): Promise<Listed> {
  const shelf = await shelfFor(asking);
  const tags = await tagsOf(shelf.vault, metadata);
  const page = await reached(() => shelf.chats.list({ ...place, tags }));
  if (!page) throw noPlace(place.after ?? "");
  return listed(await Promise.all(page.chats.map((chat) => opened(shelf, chat))), page.more);
}

export async function describe(asking: Asking, id: string, metadata: Json): Promise<Json> {
  const shelf = await shelfFor(asking, id);
  const [sealed, tags] = await Promise.all([shelf.vault.seal(JSON.stringify(metadata), `${id}:metadata`), tagsOf(shelf.vault, metadata)]);
  if (!(await reached(() => shelf.chats.describe(id, sealed, tags)))) throw unknown(id);
  return opened(shelf, await found(shelf, id));
}

export async function remove(asking: Asking, id: string): Promise<Json> {
  const shelf = await shelfFor(asking, id);
  if (!(await reached(() => shelf.chats.remove(id)))) throw unknown(id);
  return { object: "chat.completion.deleted", id, deleted: true };
}

/** The messages that it was asked with. */
export async function messages(asking: Asking, id: string, place: Place): Promise<Listed> {
  const shelf = await shelfFor(asking, id);
  const { request } = await found(shelf, id);
  const body = parseExact(await shelf.vault.open(request, `${id}:request`)) as Json;
  const all = objects(body.messages).map((message, index): Json => {
    const isParts = Array.isArray(message.content);
    return { name: null, ...message, id: `${id}-${index}`, content: isParts ? textIn(message.content) : (message.content ?? null), content_parts: isParts ? message.content : null };
  });
  return pageOf(all, place);
}

const textIn = (parts: unknown): string => objects(parts).map(({ text }) => (typeof text === "string" ? text : "")).join("");
