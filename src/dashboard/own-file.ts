/** Files as pages know them: the visitor's organisation's, and what their first line says to a batch. */
import { GatewayError } from "../errors.ts";
import type { StoredFile } from "../files/index.ts";
import type { MemberVisit } from "./visit.ts";

/** So much of a file is looked at for its first line. */
const mostLineBytes = 256 * 1024;

/** A file of the visitor's organisation; a foreign one is not there. Throws `not_found`. */
export async function ownFile({ isolate, membership, nowMs }: MemberVisit, id: string): Promise<StoredFile> {
  const file = await isolate.files.find(membership.organisationId, id.slice(0, 100), nowMs);
  if (!file) throw new GatewayError("not_found", "There is no such file.");
  return file;
}

/** What the first line of a batch's input asks for; `problem`: why it is no request. */
export type Hint = { url?: string; model?: string; problem?: string };

export async function hintOf({ isolate }: MemberVisit, file: StoredFile): Promise<Hint> {
  if (file.bytes === 0) return { problem: "The file is empty." };
  const length = Math.min(file.bytes, mostLineBytes);
  const bytes = await isolate.files.read(file, { offset: 0, length });
  if (!bytes) return { problem: "The file has been deleted." };
  const [line = ""] = (await new Response(bytes).text()).replace(/^\ufeff/, "").split("\n");
  try {
    const { url, body, custom_id: id } = JSON.parse(line) as { url?: unknown; body?: { model?: unknown }; custom_id?: unknown };
    const problem = typeof url !== "string" ? "Its first line has no url." : typeof id !== "string" ? "Its first line has no custom_id." : typeof body !== "object" ? "Its first line has no body." : undefined;
    return { ...(typeof url === "string" && { url: url.slice(0, 200) }), ...(typeof body?.model === "string" && { model: body.model.slice(0, 200) }), ...(problem !== undefined && { problem }) };
  } catch {
    return { problem: length < file.bytes && line.length >= length ? "Its first line is very long." : "Its first line is not JSON." };
  }
}
