/**
 * One thing asked of a provider that has a wire format of its own for it: vectors, a ranking, speech, a transcript, pictures. The client's
 * request, in OpenAI's words (Cohere's for a ranking), is the canonical one; each crossing is one provider's half, never one of a pair.
 */
import type { Loss } from "../chat/index.ts";
import type { GatewayError } from "../errors.ts";
import type { Json } from "./json.ts";
import type { Cost, Observation, Protocol, RequestFacts, StreamObserver } from "./protocol.ts";

/** The rest of a form that is still on its way: what is left of a file, and the fields behind it. It is read once. */
export type Coming = { readonly file: AsyncIterable<Uint8Array>; readonly fields: AsyncIterable<readonly [string, FormValue]> };

/**
 * A file of a form, its bytes as they came: held once, and sent from where they lie. One that is still `coming` has its first bytes here,
 * and in `bytes` the most that there can be.
 */
export class SentFile {
  readonly filename: string;
  readonly type: string;
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
  readonly coming: Coming | undefined;

  constructor(filename: string, type: string, pieces: readonly Uint8Array[], coming?: Coming & { readonly most: number }) {
    this.filename = filename;
    this.type = type;
    this.pieces = pieces;
    this.bytes = coming?.most ?? pieces.reduce((sum, { length }) => sum + length, 0);
    this.coming = coming;
  }
}

/** A form's fields by their names, in order. A name that stands several times, or ends in `[]`, has a list. */
export type FormFields = Readonly<Record<string, FormValue | readonly FormValue[]>>;
export type FormValue = string | SentFile;

/** A form with fields set and others left out. A field that is there keeps its place; what is no text is JSON. */
export function formWith(fields: Json, set: Json, without: readonly string[] = []): FormFields {
  const kept = Object.entries({ ...fields, ...set }).filter(([field, value]) => value !== undefined && value !== null && !without.includes(field));
  return Object.fromEntries(kept.map(([field, value]) => [field, Array.isArray(value) ? value.map(inForm) : inForm(value)]));
}

const inForm = (value: unknown): FormValue => (typeof value === "string" || value instanceof SentFile ? value : JSON.stringify(value));

/** What is sent to a provider: JSON text, a form, or bytes of a type, `bytes` of them. */
export type SentBody = string | { readonly form: FormFields } | { readonly type: string; readonly bytes: number; readonly pieces: Iterable<Uint8Array> };

/** A request as its client made it: an object of JSON, or a form's fields. */
export type Asked = { readonly json: Json; readonly facts: RequestFacts };

/** Where it goes, and what an answer says of itself where the provider does not. */
export type CrossingContext = Asked & {
  /** What the provider calls the model. */
  readonly upstreamId: string;
  readonly provider: string;
  readonly requestId: string;
  /** Unix seconds. */
  readonly nowS: number;
  /** What an answer costs of which this was seen; undefined: it has no price, or the client does not want it. */
  readonly cost?: (seen: Observation) => Cost | undefined;
  /** It is asked on the organisation's own account. */
  readonly own?: boolean;
};

/** How an answer of bytes is told on where the client's is none of the same: what stands before it, its pieces one by one, and what stands behind it. */
export interface Telling {
  begin(): Uint8Array;
  piece(bytes: Uint8Array): Uint8Array;
  end(): Uint8Array;
  /** What is told instead of an end when it breaks off; absent: the client's answer breaks off too. */
  fail?(error: GatewayError): Uint8Array;
}

/** An answer of bytes that go on as they come: what they are called, what is seen of so many of them, and how they are told where not as they are. */
export type Flow = { readonly type: string; observe(length: number): Observation; readonly telling?: Telling | undefined };

/** An answer of bytes: all of them, or where they only passed through how many they were. */
export type Bytes = { readonly contentType: string; readonly length: number; readonly bytes?: Uint8Array };

/** A whole answer, or one of several. `headers`: of one that was asked for itself, where a format tells something in them. */
export type Answer = { readonly bytes: Uint8Array; readonly contentType: string; readonly headers?: Headers };

/** A whole answer, retold; `type` absent: JSON. Or an error in its place, with what it used all the same. */
export type Retold = Told | (Seen & { readonly error: GatewayError });
type Seen = { readonly seen: Observation; readonly losses?: readonly Loss[] };
export type Told = Seen & { readonly body: string | Uint8Array; readonly type?: string };

/** Where an answer is to be had that is not there yet: asked for with the provider's key, at the provider only, after `afterMs`. Without `url`: where it was asked for last. */
export type Errand = { readonly url?: string; readonly afterMs: number };

/** A provider's half of a crossing. */
export type Crossing = {
  /** Protocol id, as a provider's `speaks` names it. */
  readonly id: string;
  /** What the models are for that are asked so, where it is another thing than the client's protocol is for: vectors stand in for a ranking. */
  readonly kind?: Protocol["kind"];
  /** Headers that the format itself needs. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Path under the provider's base URL, unless the provider says otherwise. */
  path(context: CrossingContext): string;
  /** Throws `invalid_request` for what it can never say; what it leaves out it declares. */
  render(context: CrossingContext): { readonly body: SentBody; readonly losses: readonly Loss[] };
  /** How often the same is asked, where one answer has less than the client wants. Absent: once. */
  times?(context: CrossingContext): number;
  /** What must be asked before the answer is there; undefined: it is. Throws when there will be none. */
  follow?(answer: Answer, context: CrossingContext): Errand | undefined;
  /** Reads a whole answer of status 2xx, and those that were asked for beside it. Throws `upstream_error` when it is none. */
  read(answer: Answer, context: CrossingContext, more?: readonly Answer[]): Retold;
  /** Reads a stream of the provider's events and writes the client's. Absent: it does not stream. */
  watch?(context: CrossingContext): StreamObserver;
  /** Where the answer is bytes that go on as they come. */
  readonly flows?: (contentType: string, context: CrossingContext) => Flow | undefined;
};

/** A crossing whose requests say more, or something else, than their client wrote. */
export const saying = (crossing: Crossing, say: (json: Json, upstreamId: string) => Json): Crossing => {
  const said = (context: CrossingContext): CrossingContext => ({ ...context, json: say(context.json, context.upstreamId) });
  const { times, follow, watch, flows } = crossing;
  return {
    ...crossing,
    path: (context) => crossing.path(said(context)),
    render: (context) => crossing.render(said(context)),
    read: (answer, context, more) => crossing.read(answer, said(context), more),
    ...(times && { times: (context) => times(said(context)) }),
    ...(follow && { follow: (answer, context) => follow(answer, said(context)) }),
    ...(watch && { watch: (context) => watch(said(context)) }),
    ...(flows && { flows: (contentType, context) => flows(contentType, said(context)) }),
  };
};
