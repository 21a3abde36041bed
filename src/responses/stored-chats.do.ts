import { DurableObject } from "cloudflare:workers";
import { joined } from "../bytes.ts";

/** Most bytes in a row, which holds 2 MB. */
const pieceBytes = 1024 * 1024;
const hourMs = 3_600_000;

/** A chat completion at rest. `model` and `tags` are what lists are narrowed by; of metadata only marks are there that nobody can read. */
export type ChatRow = { readonly id: string; readonly createdAtMs: number; readonly model: string; readonly tags: readonly string[]; /** Absent in rows of before: as long as `keep` says. */ readonly untilMs?: number };
export type Part = "request" | "response" | "metadata";
export type KeptChat = { readonly row: ChatRow } & Readonly<Record<Part, Uint8Array>>;
export type ChatPlace = { readonly after?: string; readonly order: "asc" | "desc"; readonly limit: number; readonly model?: string; readonly tags: readonly string[] };

/** As the Worker asks it. */
export type Chats = {
  save(chat: KeptChat, keepMs: number): Promise<void>;
  find(id: string): Promise<KeptChat | undefined>;
  list(place: ChatPlace): Promise<{ chats: KeptChat[]; more: boolean } | undefined>;
  describe(id: string, metadata: Uint8Array, tags: readonly string[]): Promise<boolean>;
  remove(id: string): Promise<boolean>;
};

const parts: readonly Part[] = ["request", "response", "metadata"];
const chatKey = ({ id, createdAtMs }: Pick<ChatRow, "id" | "createdAtMs">): string => `chat:${String(createdAtMs).padStart(14, "0")}:${id}`;
const textKey = (id: string, part: Part, piece = ""): string => `text:${id}:${part}:${piece}`;

/** The chat completions that one organisation asked to have stored, in the order in which they came; of a sovereign key its own. */
export class StoredChats extends DurableObject<Cloudflare.Env> {
  async save({ row, ...texts }: KeptChat, keepMs: number): Promise<void> {
    const { kv } = this.ctx.storage;
    const untilMs = row.createdAtMs + keepMs;
    const before = this.any(row.id);
    if (before) this.erase(before);
    kv.put(chatKey(row), { ...row, untilMs });
    kv.put(`at:${row.id}`, chatKey(row));
    for (const part of parts) this.put(row.id, part, texts[part]);
    const wakesAtMs = await this.ctx.storage.getAlarm();
    if (wakesAtMs === null || wakesAtMs > untilMs) await this.ctx.storage.setAlarm(untilMs);
  }

  find(id: string): KeptChat | undefined {
    const row = this.row(id);
    return row && this.whole(row);
  }

  /** undefined: there is none to begin behind. */
  list({ after, order, limit, model, tags }: ChatPlace): { chats: KeptChat[]; more: boolean } | undefined {
    const behind = after === undefined ? undefined : this.row(after);
    if (after !== undefined && !behind) return undefined;
    const reverse = order === "desc";
    const bounds = !behind ? {} : reverse ? { end: chatKey(behind) } : { start: `${chatKey(behind)}\0` };
    const found: ChatRow[] = [];
    for (const [, row] of this.ctx.storage.kv.list<ChatRow>({ prefix: "chat:", ...bounds, reverse })) {
      if (this.isOver(row) || (model !== undefined && row.model !== model) || !tags.every((tag) => row.tags.includes(tag))) continue;
      found.push(row);
      if (found.length > limit) break;
    }
    return { chats: found.slice(0, limit).map((row) => this.whole(row)), more: found.length > limit };
  }

  describe(id: string, metadata: Uint8Array, tags: readonly string[]): boolean {
    const row = this.row(id);
    if (!row) return false;
    this.ctx.storage.kv.put(chatKey(row), { ...row, tags });
    this.drop(textKey(id, "metadata"));
    this.put(id, "metadata", metadata);
    return true;
  }

  remove(id: string): boolean {
    const row = this.row(id);
    if (row) this.erase(row);
    return row !== undefined;
  }

  private erase(row: ChatRow): void {
    this.ctx.storage.kv.delete(chatKey(row));
    this.ctx.storage.kv.delete(`at:${row.id}`);
    this.drop(`text:${row.id}:`);
  }

  /** What has had its time goes. */
  override async alarm(): Promise<void> {
    const rows = this.rows();
    const left = rows.filter((row) => !this.isOver(row));
    if (left.length === 0) return this.ctx.storage.deleteAll();
    for (const row of rows) if (this.isOver(row)) this.erase(row);
    await this.ctx.storage.setAlarm(Math.max(Date.now() + hourMs, Math.min(...left.map((row) => this.untilMs(row)))));
  }

  private untilMs({ createdAtMs, untilMs }: ChatRow): number {
    return untilMs ?? createdAtMs + (this.ctx.storage.kv.get<number>("keep") ?? 0);
  }

  /** It has had its time: from then on it is not there, whenever it is deleted. */
  private isOver(row: ChatRow): boolean {
    return this.untilMs(row) <= Date.now();
  }

  /** All at once: only one list of an object's rows can be open. */
  private rows(): ChatRow[] {
    return [...this.ctx.storage.kv.list<ChatRow>({ prefix: "chat:" })].map(([, row]) => row);
  }

  private row(id: string): ChatRow | undefined {
    const row = this.any(id);
    return row && !this.isOver(row) ? row : undefined;
  }

  private any(id: string): ChatRow | undefined {
    const key = this.ctx.storage.kv.get<string>(`at:${id}`);
    return key === undefined ? undefined : this.ctx.storage.kv.get<ChatRow>(key);
  }

  private whole(row: ChatRow): KeptChat {
    const [request, response, metadata] = parts.map((part) => this.text(row.id, part)) as [Uint8Array, Uint8Array, Uint8Array];
    return { row, request, response, metadata };
  }

  private put(id: string, part: Part, bytes: Uint8Array): void {
    for (let at = 0; at === 0 || at < bytes.length; at += pieceBytes) this.ctx.storage.kv.put(textKey(id, part, String(at / pieceBytes).padStart(4, "0")), bytes.slice(at, at + pieceBytes));
  }

  private text(id: string, part: Part): Uint8Array {
    return joined([...this.ctx.storage.kv.list<Uint8Array>({ prefix: textKey(id, part) })].map(([, bytes]) => bytes));
  }

  private drop(prefix: string): void {
    for (const [key] of this.ctx.storage.kv.list({ prefix })) this.ctx.storage.kv.delete(key);
  }
}
