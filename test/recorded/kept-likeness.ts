/** Whether an answer about what is kept says what the recorded one said: ids and times are others here, but the same where they were the same. */

type Json = Record<string, unknown>;

/** Ids of what is kept, wherever they stand. */
export const idPattern = /\b(?:file|batch|msgbatch|conv|item|resp|msg)[-_][A-Za-z0-9]{10,}/g;

const idKey = /(?:^|\.)(?:id|\w+_id)$/;
const timeKey = /_at$/;
/** What the provider has given up since, or said one way in one recording and another way in the next. */
const given = /(?:^|\.)(?:status_details|generate_summary)$/;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

const kindOf = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "list" : typeof value);
const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? "nothing";
const secondsOf = (time: unknown): number => (typeof time === "number" ? time : Date.parse(String(time)) / 1_000);

/** Of one client's world. */
export class Likeness {
  private readonly ours = new Map<string, string>();
  private readonly theirs = new Map<string, string>();

  /** Our id for a recorded one; undefined: none was met. */
  idFor(recorded: string): string | undefined {
    return this.ours.get(recorded);
  }

  /** Notes that the two are the same thing. Returns what speaks against it. */
  pair(theirs: string, ours: string): string[] {
    const [known, taken] = [this.ours.get(theirs), this.theirs.get(ours)];
    if (known === undefined && taken === undefined) {
      this.ours.set(theirs, ours);
      this.theirs.set(ours, theirs);
    }
    return known === (taken === undefined ? undefined : ours) && (taken ?? theirs) === theirs ? [] : [`id ${theirs} is ${known ?? "new"} and became ${ours}, which is ${taken ?? "new"}`];
  }

  /** Takes the id of what is gone out of the world. */
  forget(theirs: string): void {
    this.theirs.delete(this.ours.get(theirs) ?? "");
    this.ours.delete(theirs);
  }

  /** Where `ours` lacks something of the recording, or says it otherwise. Lists are compared item by item, to their ends. */
  differences(theirs: unknown, ours: unknown, path = ""): string[] {
    if (given.test(path)) return [];
    if (ours === undefined) return [`${path} is missing`];
    const kind = kindOf(theirs);
    if (kind !== kindOf(ours)) return [`${path}: ${shown(theirs)} became ${shown(ours)}`];
    if (kind === "list") return this.lists(theirs as unknown[], ours as unknown[], path);
    if (kind === "object") return [...this.spans(theirs as Json, ours as Json, path), ...Object.entries(theirs as Json).flatMap(([key, value]) => this.differences(value, (ours as Json)[key], path ? `${path}.${key}` : key))];
    if (timeKey.test(path) && kind !== "null") return typeof ours === "number" || rfc3339.test(String(ours)) ? [] : [`${path}: ${shown(theirs)} became ${shown(ours)}`];
    if (kind !== "string") return theirs === ours ? [] : [`${path}: ${shown(theirs)} became ${shown(ours)}`];
    return this.texts(theirs as string, ours as string, path);
  }

  private lists(theirs: unknown[], ours: unknown[], path: string): string[] {
    const length = theirs.length === ours.length ? [] : [`${path} of ${theirs.length} became ${ours.length}`];
    return [...length, ...theirs.slice(0, ours.length).flatMap((one, i) => this.differences(one, ours[i], `${path}[${i}]`))];
  }

  /** How long something lives is as it was. */
  private spans(theirs: Json, ours: Json, path: string): string[] {
    const span = ({ created_at, expires_at }: Json): number => Math.round(secondsOf(expires_at) - secondsOf(created_at));
    return theirs.expires_at && ours.expires_at && span(theirs) !== span(ours) ? [`${path} lives ${span(theirs)} s, and here ${span(ours)} s`] : [];
  }

  /** A text is the same when it names the same things; of an address what stands behind its host. */
  private texts(theirs: string, ours: string, path: string): string[] {
    if (idKey.test(path) && !path.endsWith("custom_id")) return this.pair(theirs, ours);
    const placeless = (text: string): string => text.replace(/^https?:\/\/[^/]+/, "");
    const known = placeless(theirs).replaceAll(idPattern, (id) => this.ours.get(id) ?? id);
    return known === placeless(ours) ? [] : [`${path}: ${shown(theirs)} became ${shown(ours)}`];
  }
}
