/** What a request builds on, read from its threads, and the input that it makes together with it. */
import { GatewayError } from "../errors.ts";
import { parseExact } from "../chat/index.ts";
import { ask } from "../replay/ask.ts";
import type { Access } from "./access.ts";
import { noConversation, noItem, noPrevious, type Asked } from "./asked.ts";
import { givenId, markOf, nativeId } from "./names.ts";
import { placeOf, type Gathered, type Kept } from "./stored.ts";
import { isObject, objects, type Json } from "./teller.ts";

/** Items that came before, in order, and the request's own, with what they name in its place. */
export type History = { readonly before: readonly Json[]; readonly own: readonly Json[] };

type Found = Extract<Gathered, { is: "found" }>;

/** Reads everything with one call to each thread, of which there is nearly always one. `threads`: by name. */
export async function historyOf(asked: Asked, threads: ReadonlyMap<string, Access>): Promise<History> {
  const { previous, conversation, references, input } = asked;
  const found = await Promise.all([...threads.values()].map(async (access) => {
    const items = references.filter(({ thread }) => thread === access.thread).map(({ id }) => id);
    const hasPrevious = previous?.thread === access.thread;
    const hasConversation = conversation?.thread === access.thread;
    if (items.length === 0 && !hasPrevious && !hasConversation) return undefined;
    const gathered = await reached(() => access.object.gather({ ...(hasPrevious && { previous: previous.id }), conversation: hasConversation, items }));
    return { access, found: whole(gathered, previous?.id ?? "") };
  }));
  const of = (thread: string | undefined) => found.find((one) => one?.access.thread === thread);
  const chain = of(previous?.thread);
  const talk = of(conversation?.thread);
  if (conversation && !talk?.found.turns) throw noConversation(conversation.id);
  const before = chain && previous ? (await Promise.all(chain.found.links.map((link) => itemsOf(chain.access, link)))).flat() : talk ? await turnsOf(talk.access, talk.found) : [];
  const named = new Map<string, Json>();
  for (const one of found) if (one && references.length > 0) await learn(one.access, one.found, named);
  const own = input.map((item, index) => {
    const reference = references.find((one) => one.index === index);
    return reference ? (named.get(reference.id) ?? missing(reference.id, index)) : item;
  });
  return { before, own };
}

function missing(id: string, index: number): never {
  throw noItem(id, `input[${index}]`);
}

function whole(gathered: Gathered, previous: string): Found {
  if (gathered.is === "found") return gathered;
  if (gathered.is === "vast") throw new GatewayError("request_too_large", "What this request builds on is larger than 24 MiB. Begin anew, with what matters of it as input.");
  if (gathered.is === "running") throw new GatewayError("invalid_request", `previous_response_id: response '${gathered.id}' is not over yet`, { param: "previous_response_id" });
  if (gathered.id === previous) throw noPrevious(previous);
  throw new GatewayError("previous_response_not_found", `The response '${gathered.id}', which came before '${previous}', was deleted.`, { param: "previous_response_id" });
}

/** Asks a thread's object. Throws `limiter_unavailable`, the code for what may be asked again, where it cannot be reached. */
export async function reached<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await ask(call, [30, 300]);
  } catch {
    throw new GatewayError("limiter_unavailable", "Stored responses cannot be reached right now.", { retryAfterSeconds: 1 });
  }
}

export const openJson = async ({ vault }: Access, bytes: Uint8Array, place: string): Promise<unknown> => parseExact(await vault.open(bytes, place));

/** A response's own input, and what it said to it. */
export async function partsOf(access: Access, { row, input, response }: Kept): Promise<{ input: Json[]; response: Json }> {
  const [own, told] = await Promise.all([openJson(access, input, placeOf.input(row.id)), openJson(access, response, placeOf.response(row.id))]);
  return { input: objects(own), response: isObject(told) ? told : {} };
}

async function itemsOf(access: Access, kept: Kept): Promise<Json[]> {
  const { input, response } = await partsOf(access, kept);
  return [...input, ...objects(response.output)];
}

const turnsOf = (access: Access, { turns = [] }: Found): Promise<Json[]> =>
  Promise.all(turns.map(async ({ id, bytes }) => (await openJson(access, bytes, placeOf.turn(id))) as Json));

async function learn(access: Access, { links, kept, loose, turns = [] }: Found, named: Map<string, Json>): Promise<void> {
  const items = [...(await Promise.all([...links, ...kept].map((one) => itemsOf(access, one)))).flat(), ...(await turnsOf(access, { is: "found", links: [], kept: [], loose: [], turns: [...loose, ...turns] }))];
  for (const item of items) if (typeof item.id === "string") named.set(item.id, item);
}

/** Items of a request's own, each with an id by which it can be named. */
export const identified = (items: readonly Json[], responseId: string): Json[] =>
  items.map((item, index) => (typeof item.id === "string" && item.id !== "" ? item : { ...item, id: givenId(markOf(responseId), item.type, `i${index}`) }));

const given = /_[in]\d+$/;

/** An item as a provider gets it: by its own id; by none where the id is only ours. */
function sent(item: Json): Json {
  const named = typeof item.approval_request_id === "string" ? { ...item, approval_request_id: nativeId(item.approval_request_id) } : item;
  if (typeof item.id !== "string") return named;
  const native = nativeId(item.id);
  if (native === item.id) return named;
  const { id: _, ...rest } = named;
  return given.test(native) ? rest : { ...named, id: native };
}

/** What a provider, or an MCP server's approval, is sent under another name than its client knows it by: theirs → ours. */
export function renamedIn({ before, own }: History): Record<string, string> {
  const ids = [...before, ...own].flatMap(({ approval_request_id: id }) => (typeof id === "string" && nativeId(id) !== id ? [[nativeId(id), id] as const] : []));
  return Object.fromEntries(ids);
}

/** What says nothing to anybody any more: reasoning without what its maker would read, a call that broke off. */
function isMute({ type, status, content, encrypted_content }: Json): boolean {
  if (type === "reasoning") return !encrypted_content && objects(content).length === 0;
  return status !== undefined && status !== "completed" && typeof type === "string" && type.endsWith("_call");
}

/** The input that is sent on. */
export const sentInput = ({ before, own }: History): Json[] => [...before.filter((item) => !isMute(item)), ...own].map(sent);
