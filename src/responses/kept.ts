/** Kept responses as their organisation asks for them again. */
import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import type { RequestContext } from "../pipeline/index.ts";
import { bodyOf } from "../replay/index.ts";
import { accessTo, type Access } from "./access.ts";
import { follow, standingOf } from "./follow.ts";
import { partsOf, reached } from "./history.ts";
import { listed, pageOf, type Listed } from "./listing.ts";
import { threadOfResponse } from "./names.ts";
import type { Look, Place } from "./stored.ts";
import { objects, shownItem, shownResponse, type Json } from "./teller.ts";

/** Who asks, and with which request. */
export type Asking = { readonly context: RequestContext; readonly caller: Principal };

const unknown = (id: string): GatewayError => new GatewayError("not_found", `Response with id '${id.slice(0, 100)}' not found.`);

/** The thread of a response. Throws `not_found`, which is also what somebody else's is. */
async function threadOf({ context, caller }: Asking, id: string): Promise<Access> {
  const thread = threadOfResponse(id);
  const access = thread === undefined ? undefined : await accessTo(context, caller, thread);
  if (!access) throw unknown(id);
  return access;
}

async function lookAt(asking: Asking, id: string): Promise<{ access: Access; look: Look }> {
  const access = await threadOf(asking, id);
  const look = await reached(() => access.object.look(id));
  if (!look) throw unknown(id);
  return { access, look };
}

/** The response as it stands. `secrets`: with what its maker alone can read. */
export async function retrieve(asking: Asking, id: string, secrets: boolean): Promise<Json> {
  const { access, look } = await lookAt(asking, id);
  return shownResponse(await standingOf(access, look), secrets);
}

/** Its events from `from` on, those that are to come included. */
export async function replayed(asking: Asking, id: string, from: number): Promise<ReadableStream<Uint8Array>> {
  const { access, look } = await lookAt(asking, id);
  if (!look.row.streams) throw new GatewayError("invalid_request", "stream: this response was not made with stream or background, so its events were not kept", { param: "stream" });
  return bodyOf(follow(access, { id, from, secrets: false, heartbeatMs: asking.context.isolate.settings.STREAM_HEARTBEAT_MS }));
}

/** Ends it where it still runs. Either way the response as it stands then. */
export async function cancel(asking: Asking, id: string): Promise<Json> {
  const { access } = await lookAt(asking, id);
  await reached(() => access.object.cancel(id));
  return retrieve(asking, id, false);
}

/** Takes it away, and ends it first where it runs. */
export async function remove(asking: Asking, id: string): Promise<Json> {
  const access = await threadOf(asking, id);
  if (!(await reached(() => access.object.remove(id)))) throw unknown(id);
  return { id, object: "response", deleted: true };
}

/** The items that it was made of: those of the request, and what came before them. */
export async function inputItems(asking: Asking, id: string, place: Place, secrets: boolean): Promise<Listed> {
  const { access, look } = await lookAt(asking, id);
  const before: Json[] = [];
  if (look.row.parent !== null) {
    const gathered = await reached(() => access.object.gather({ previous: look.row.parent!, conversation: false, items: [] }));
    if (gathered.is === "found") for (const { input, response } of await Promise.all(gathered.links.map((link) => partsOf(access, link)))) before.push(...input, ...objects(response.output));
  }
  const { input } = await partsOf(access, look);
  const page = pageOf([...before, ...input], place);
  return listed(page.data.map((item) => plain(item, secrets)), page.has_more);
}

/** An item as lists show it: a message's text as a part, and with its status. */
export function plain(item: Json, secrets: boolean): Json {
  const { content, role } = item;
  if ((item.type ?? "message") !== "message") return shownItem(item, secrets);
  const said = typeof content === "string" ? [{ type: role === "assistant" ? "output_text" : "input_text", text: content, ...(role === "assistant" && { annotations: [] }) }] : content;
  return { ...item, type: "message", status: item.status ?? "completed", content: said };
}
