/** Conversations and their items. https://platform.openai.com/docs/api-reference/conversations */
import { GatewayError } from "../errors.ts";
import { accessTo, staysHome, type Access } from "./access.ts";
import { said } from "./asked.ts";
import { openJson, reached } from "./history.ts";
import { plain, type Asking } from "./kept.ts";
import { mustLastMs } from "./lasting.ts";
import { listed, noPlace, type Listed } from "./listing.ts";
import { conversationIdOf, givenId, newMark, newThread, threadOfConversation } from "./names.ts";
import { sealedTurns } from "./run.ts";
import { placeOf, type Place, type Turn } from "./stored.ts";
import type { Json } from "./teller.ts";

const unknown = (id: string): GatewayError => new GatewayError("not_found", `Conversation with id '${id.slice(0, 100)}' not found.`);
const unknownItem = (id: string): GatewayError => new GatewayError("not_found", `Item with id '${id.slice(0, 100)}' not found.`);

/** The conversation's thread and how it stands. Throws `not_found`, which is also what somebody else's is. */
async function opened({ context, caller }: Asking, id: string): Promise<{ access: Access; described: Json }> {
  const thread = threadOfConversation(id);
  const access = thread === undefined ? undefined : await accessTo(context, caller, thread);
  const found = access && (await reached(() => access.object.conversation()));
  if (!found) throw unknown(id);
  return { access, described: described(id, found.createdAtMs, await openJson(access, found.metadata, placeOf.metadata)) };
}

const described = (id: string, createdAtMs: number, metadata: unknown): Json => ({ id, object: "conversation", created_at: Math.floor(createdAtMs / 1_000), metadata });

/** Items as a conversation keeps them. One that only names another is not an item to keep. */
function given(items: readonly Json[], thread: string): Json[] {
  const mark = newMark(thread);
  return items.map((item, index) => {
    if (item.type === "item_reference") throw new GatewayError("invalid_request", `items[${index}]: send the item itself`, { param: `items[${index}]` });
    const whole = typeof item.content === "string" ? { ...said(item.content), ...item, content: said(item.content).content } : item;
    return typeof item.id === "string" && item.id !== "" ? whole : { ...whole, id: givenId(mark, item.type, `i${index}`) };
  });
}

export async function create({ context, caller }: Asking, { metadata, items }: { metadata: Json; items: readonly Json[] }): Promise<Json> {
  const keepMs = mustLastMs(context, caller, "conversation");
  const thread = newThread(staysHome(context, caller));
  const access = await accessTo(context, caller, thread);
  if (!access) throw unknown(conversationIdOf(thread));
  const nowMs = context.startedAtMs;
  const [sealed, turns] = await Promise.all([access.vault.seal(JSON.stringify(metadata), placeOf.metadata), sealedTurns(access.vault, given(items, thread))]);
  await reached(() => access.object.open(sealed, turns, nowMs, keepMs));
  return described(conversationIdOf(thread), nowMs, metadata);
}

export const retrieve = async (asking: Asking, id: string): Promise<Json> => (await opened(asking, id)).described;

export async function describe(asking: Asking, id: string, metadata: Json): Promise<Json> {
  const { access, described: before } = await opened(asking, id);
  const sealed = await access.vault.seal(JSON.stringify(metadata), placeOf.metadata);
  await reached(() => access.object.describe(sealed));
  return { ...before, metadata };
}

export async function remove(asking: Asking, id: string): Promise<Json> {
  const { access } = await opened(asking, id);
  await reached(() => access.object.dropConversation());
  return { id, object: "conversation.deleted", deleted: true };
}

export async function add(asking: Asking, id: string, items: readonly Json[], secrets: boolean): Promise<Listed> {
  const keepMs = mustLastMs(asking.context, asking.caller, "items");
  const { access } = await opened(asking, id);
  const whole = given(items, access.thread);
  const turns = await sealedTurns(access.vault, whole);
  await reached(() => access.object.append(turns, keepMs));
  return listed(whole.map((item) => plain(item, secrets)), false);
}

export async function items(asking: Asking, id: string, place: Place, secrets: boolean): Promise<Listed> {
  const { access } = await opened(asking, id);
  const found = await reached(() => access.object.turns(place));
  if (!found) throw noPlace(place.after ?? "");
  return listed(await Promise.all(found.turns.map((turn) => itemOf(access, turn, secrets))), found.more);
}

export async function item(asking: Asking, id: string, itemId: string, secrets: boolean): Promise<Json> {
  const { access } = await opened(asking, id);
  const turn = await reached(() => access.object.turn(itemId));
  if (!turn) throw unknownItem(itemId);
  return itemOf(access, turn, secrets);
}

/** Takes an item out. The conversation as it stands. */
export async function removeItem(asking: Asking, id: string, itemId: string): Promise<Json> {
  const { access, described: standing } = await opened(asking, id);
  if (!(await reached(() => access.object.dropTurn(itemId)))) throw unknownItem(itemId);
  return standing;
}

const itemOf = async (access: Access, { id, bytes }: Turn, secrets: boolean): Promise<Json> => plain((await openJson(access, bytes, placeOf.turn(id))) as Json, secrets);
