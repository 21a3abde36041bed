/** The rows of a thread's object. Each step is one transaction, for nothing in it waits. */
import { markOf } from "./names.ts";
import type { Kept, Place, Row, Sealed, Turn } from "./stored.ts";
import { joined } from "../bytes.ts";

/** Most bytes in a row, which holds 2 MB. */
const pieceBytes = 1024 * 1024;
/** About so much of a stream is read at once. */
const pageBytes = 1024 * 1024;

const digits = (count: number): string => String(count).padStart(10, "0");
const rowKey = (id: string): string => `response:${markOf(id).slice(-8)}:${id}`;
const textKey = (name: string, piece: number): string => `text:${name}:${String(piece).padStart(4, "0")}`;
const eventsOf = (id: string): string => `events:${id}:`;
const turnKey = (place: number): string => `turn:${digits(place)}`;
const placeKey = (item: string): string => `place:${item}`;
const activeKey = (id: string): string => `active:${id}`;

const expiryRow = "expires";
const conversationRow = "conversation";

type Conversation = { readonly createdAtMs: number; readonly next: number; readonly metadata: Uint8Array };
type EventRow = { readonly next: number; readonly more: boolean; readonly bytes: Uint8Array };

export class Records {
  private readonly kv: SyncKvStorage;

  constructor(kv: SyncKvStorage) {
    this.kv = kv;
  }

  row(id: string): Row | undefined {
    return this.kv.get<Row>(rowKey(id));
  }

  /** A response that is still running says so in a row of its own: whoever wakes up sees at once what was left. */
  put(row: Row): void {
    this.kv.put(rowKey(row.id), row);
    if (row.status === "queued" || row.status === "in_progress") this.kv.put(activeKey(row.id), row.id);
    else this.kv.delete(activeKey(row.id));
  }

  active(): Row[] {
    return [...this.kv.list<string>({ prefix: "active:" })].flatMap(([, id]) => this.row(id) ?? []);
  }

  /** The responses whose items bear these marks. */
  marked(marks: readonly string[]): Row[] {
    return marks.flatMap((mark) => [...this.kv.list<Row>({ prefix: `response:${mark.slice(-8)}:` })].map(([, row]) => row));
  }

  keep({ row, input, response }: Kept): void {
    this.put(row);
    this.putText(`${row.id}:input`, input);
    this.putText(`${row.id}:response`, response);
  }

  kept(row: Row): Kept | undefined {
    const [input, response] = [this.text(`${row.id}:input`), this.text(`${row.id}:response`)];
    return row.deleted || !input || !response ? undefined : { row, input, response };
  }

  /** Replaces what is known of a response by how it ended. */
  end(row: Row, response: Uint8Array): void {
    this.put(row);
    this.putText(`${row.id}:response`, response);
  }

  /** Takes everything that a response says; its name stays for those that follow it. */
  erase(row: Row): void {
    this.dropText(`${row.id}:input`);
    this.dropText(`${row.id}:response`);
    for (const [key] of this.kv.list({ prefix: eventsOf(row.id) })) this.kv.delete(key);
    this.put({ ...row, status: row.status === "queued" || row.status === "in_progress" ? "cancelled" : row.status, deleted: true });
  }

  putEvents(id: string, { first, next, bytes }: Sealed): void {
    for (let at = 0; at === 0 || at < bytes.length; at += pieceBytes) {
      const row: EventRow = { next, more: at + pieceBytes < bytes.length, bytes: bytes.slice(at, at + pieceBytes) };
      this.kv.put(`${eventsOf(id)}${digits(first)}:${digits(at)}`, row);
    }
  }

  /** Pages from the one that holds event `from`, about a megabyte of them. */
  events(id: string, from: number): Sealed[] {
    const prefix = eventsOf(id);
    const [[start] = [prefix]] = this.kv.list({ prefix, end: `${prefix}${digits(from)};`, reverse: true, limit: 1 });
    const pages: Sealed[] = [];
    let open: { first: number; pieces: Uint8Array[] } | undefined;
    let length = 0;
    for (const [key, { next, more, bytes }] of this.kv.list<EventRow>({ prefix, start: start.slice(0, prefix.length + 10) })) {
      open ??= { first: Number(key.slice(prefix.length, prefix.length + 10)), pieces: [] };
      open.pieces.push(bytes);
      length += bytes.length;
      if (more) continue;
      if (next > from) pages.push({ first: open.first, next, bytes: joined(open.pieces) });
      open = undefined;
      if (length >= pageBytes) break;
    }
    return pages;
  }

  conversation(): Conversation | undefined {
    return this.kv.get<Conversation>(conversationRow);
  }

  putConversation(conversation: Conversation): void {
    this.kv.put(conversationRow, conversation);
  }

  /** Adds items at a conversation's end. One that is there already is not added again; none where the conversation is gone. */
  append(turns: readonly Turn[]): void {
    const conversation = this.conversation();
    if (!conversation) return;
    let { next } = conversation;
    for (const { id, bytes } of turns) {
      if (this.kv.get(placeKey(id)) !== undefined) continue;
      this.kv.put(turnKey(next), id);
      this.kv.put(placeKey(id), next);
      this.putText(turnKey(next), bytes);
      next += 1;
    }
    this.putConversation({ ...conversation, next });
  }

  turn(id: string): Turn | undefined {
    const place = this.kv.get<number>(placeKey(id));
    const bytes = place === undefined ? undefined : this.text(turnKey(place));
    return bytes && { id, bytes };
  }

  /** Items of the conversation in a row, and whether there are more. undefined: there is none to begin behind. */
  turns({ after, order, limit }: Place): { turns: Turn[]; more: boolean } | undefined {
    const behind = after === undefined ? undefined : this.kv.get<number>(placeKey(after));
    if (after !== undefined && behind === undefined) return undefined;
    const reverse = order === "desc";
    const bounds = behind === undefined ? {} : reverse ? { end: turnKey(behind) } : { start: turnKey(behind + 1) };
    const found = [...this.kv.list<string>({ prefix: "turn:", ...bounds, reverse, ...(limit < Infinity && { limit: limit + 1 }) })];
    return { turns: found.slice(0, limit).map(([key, id]) => ({ id, bytes: this.text(key)! })), more: found.length > limit };
  }

  dropTurn(id: string): boolean {
    const place = this.kv.get<number>(placeKey(id));
    if (place === undefined) return false;
    this.kv.delete(turnKey(place));
    this.kv.delete(placeKey(id));
    this.dropText(turnKey(place));
    return true;
  }

  /** The conversation and its items go; responses that were made in it stay. */
  dropConversation(): void {
    for (const prefix of ["turn:", "place:", "text:turn:"]) for (const [key] of this.kv.list({ prefix })) this.kv.delete(key);
    this.kv.delete(conversationRow);
  }

  expiresAtMs(): number | undefined {
    return this.kv.get<number>(expiryRow);
  }

  expireAt(ms: number): void {
    this.kv.put(expiryRow, ms);
  }

  private putText(name: string, bytes: Uint8Array): void {
    this.dropText(name);
    for (let at = 0; at === 0 || at < bytes.length; at += pieceBytes) this.kv.put(textKey(name, at / pieceBytes), bytes.slice(at, at + pieceBytes));
  }

  private text(name: string): Uint8Array | undefined {
    const pieces = [...this.kv.list<Uint8Array>({ prefix: `text:${name}:` })].map(([, bytes]) => bytes);
    return pieces.length === 0 ? undefined : joined(pieces);
  }

  private dropText(name: string): void {
    for (const [key] of this.kv.list({ prefix: `text:${name}:` })) this.kv.delete(key);
  }
}
