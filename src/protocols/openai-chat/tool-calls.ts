/** Which tool call a delta belongs to: by index, by id, or, where a look-alike gives neither, by its place. */
import { record } from "../json.ts";

/** A tool call so far. `given`: its id came from the provider. */
export type Call = { id: string; given: boolean; name: string; input: string; custom: boolean; ended: boolean };

/** Whether a call's input is complete: nothing can follow a whole JSON object. */
export function isWhole({ input, custom }: Call): boolean {
  if (custom || !/^\s*\{[^]*\}\s*$/.test(input)) return false;
  try {
    JSON.parse(input);
    return true;
  } catch {
    return false;
  }
}

const textual = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** Input is JSON text; some look-alikes send the object itself. */
const inputOf = (value: unknown): string => (typeof value === "string" ? value : typeof value === "object" && value !== null ? JSON.stringify(value) : "");

export class CallIndex {
  private readonly idSeed: string;
  private readonly all: Call[] = [];
  private readonly byIndex = new Map<number, Call>();

  constructor(idSeed: string) {
    this.idSeed = idSeed;
  }

  get any(): boolean {
    return this.all.length > 0;
  }

  /** Finds or begins the call of a delta. */
  read(entry: Record<string, unknown>, position: number): { call: Call | undefined; input: string; signature: string | undefined } {
    const custom = entry.type === "custom" || (entry.custom !== undefined && entry.function === undefined);
    const told = record(custom ? entry.custom : entry.function);
    const name = textual(told.name);
    const id = textual(entry.id);
    const index = typeof entry.index === "number" ? entry.index : undefined;
    const known = this.find(index, id, name, entry.legacy === true);
    const call = known ?? this.add(index, id, name ?? "", custom, position);
    const signature = textual(record(record(entry.extra_content).google).thought_signature);
    return { call, input: inputOf(custom ? told.input : told.arguments), signature };
  }

  private find(index: number | undefined, id: string | undefined, name: string | undefined, legacy: boolean): Call | undefined {
    if (id !== undefined) {
      const same = this.all.find((call) => call.id === id);
      if (same) return same;
    }
    if (legacy) return this.all.at(-1);
    const at = index === undefined ? this.all.at(-1) : this.byIndex.get(index);
    if (at === undefined) return undefined;
    const isAnother = id !== undefined ? at.given || name !== undefined : index === undefined && name !== undefined;
    return isAnother ? undefined : at;
  }

  private add(index: number | undefined, id: string | undefined, name: string, custom: boolean, position: number): Call {
    const call: Call = { id: id ?? `call_${this.idSeed}${this.all.length}`, given: id !== undefined, name, input: "", custom, ended: false };
    this.all.push(call);
    this.byIndex.set(index ?? position, call);
    return call;
  }
}
