/** Reads HTTP/1.1 responses one after another off a keep-alive socket: exact about framing, blind to everything else. */

const newline = 10;
const semicolon = 59;

/** What one response came to. `events` counts blank-line endings, which in an event stream is one per event. */
export type ResponseSeen = { status: number; bytes: number; events: number; closes: boolean };

/** `firstByte` is called at the first byte of a body, `end` once per response, both from inside `feed`. */
export type ReaderCalls = { firstByte: () => void; end: (seen: ResponseSeen) => void };

type State = "head" | "sized" | "chunk-size" | "chunk-extension" | "chunk" | "chunk-end" | "trailer";

/** Push-style reader: `feed` it every piece that a socket delivers, in order. */
export class ResponseReader {
  readonly #calls: ReaderCalls;
  #state: State = "head";
  #head = "";
  #left = 0;
  #trailerBytes = 0;
  #afterNewline = false;
  #seen: ResponseSeen = { status: 0, bytes: 0, events: 0, closes: false };

  constructor(calls: ReaderCalls) {
    this.#calls = calls;
  }

  feed(data: Buffer): void {
    let at = 0;
    while (at < data.length) at = this.#step(data, at);
  }

  #step(data: Buffer, at: number): number {
    switch (this.#state) {
      case "head": return this.#readHead(data, at);
      case "sized": {
        const used = this.#take(data, at);
        if (this.#left === 0) this.#finish();
        return used;
      }
      case "chunk": {
        const used = this.#take(data, at);
        if (this.#left === 0) this.#state = "chunk-end";
        return used;
      }
      case "chunk-size":
      case "chunk-extension": return this.#readSize(data, at);
      case "chunk-end":
        if (data[at] === newline) this.#state = "chunk-size";
        return at + 1;
      case "trailer": return this.#readTrailer(data, at);
    }
  }

  #readHead(data: Buffer, at: number): number {
    const before = this.#head.length;
    this.#head += data.toString("latin1", at);
    const end = this.#head.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end < 0) return data.length;
    const head = this.#head.slice(0, end).toLowerCase();
    this.#head = "";
    this.#seen = { status: Number(head.slice(9, 12)), bytes: 0, events: 0, closes: head.includes("\r\nconnection: close") };
    this.#afterNewline = false;
    this.#left = 0;
    if (head.includes("\r\ntransfer-encoding: chunked")) this.#state = "chunk-size";
    else {
      this.#left = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1] ?? 0);
      if (this.#left > 0) this.#state = "sized";
      else this.#finish();
    }
    return at + end + 4 - before;
  }

  #readSize(data: Buffer, at: number): number {
    for (; at < data.length; at++) {
      const byte = data[at]!;
      if (byte === newline) {
        this.#state = this.#left > 0 ? "chunk" : "trailer";
        this.#trailerBytes = 0;
        return at + 1;
      }
      if (this.#state === "chunk-extension") continue;
      if (byte === semicolon) this.#state = "chunk-extension";
      else if (byte >= 48 && byte <= 57) this.#left = this.#left * 16 + byte - 48;
      else if ((byte | 32) >= 97 && (byte | 32) <= 102) this.#left = this.#left * 16 + (byte | 32) - 87;
    }
    return at;
  }

  #readTrailer(data: Buffer, at: number): number {
    for (; at < data.length; at++) {
      if (data[at] !== newline) this.#trailerBytes += data[at] === 13 ? 0 : 1;
      else if (this.#trailerBytes === 0) {
        this.#finish();
        return at + 1;
      } else this.#trailerBytes = 0;
    }
    return at;
  }

  #take(data: Buffer, at: number): number {
    const end = Math.min(data.length, at + this.#left);
    if (this.#seen.bytes === 0) this.#calls.firstByte();
    let after = this.#afterNewline;
    let events = 0;
    for (let i = at; i < end; i++) {
      if (data[i] !== newline) after = false;
      else if (after) {
        events++;
        after = false;
      } else after = true;
    }
    this.#afterNewline = after;
    this.#seen.events += events;
    this.#seen.bytes += end - at;
    this.#left -= end - at;
    return end;
  }

  #finish(): void {
    this.#state = "head";
    this.#calls.end(this.#seen);
  }
}
