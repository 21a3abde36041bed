/** The same protocol at both ends: the client's bytes with a few fields set, the upstream's bytes back. */
import { GatewayError } from "../errors.ts";
import { formWith } from "../protocols/crossing.ts";
import type { Protocol, RequestFacts, Way } from "../protocols/protocol.ts";
import { pathOf } from "../providers/index.ts";
import type { Attempt } from "../router/index.ts";
import { rawValue, splice } from "../upstream/index.ts";
import { beginningSoundly } from "./beginning.ts";
import type { Exchange } from "./exchange.ts";
import type { Relay } from "./relay.ts";
import { wantsWay, wayOf } from "./way.ts";

type Json = Readonly<Record<string, unknown>>;

/** The client's request: its body's text, what was read of it, and its headers. */
export type ClientRequest = {
  readonly text: string;
  /** What it says, as an object: of a form its fields. */
  readonly json: Json;
  readonly facts: RequestFacts;
  readonly headers: Headers;
  readonly requestId: string;
  readonly startedAtMs: number;
  /** Another may have to go on with its answer. */
  readonly continues?: boolean;
  /** The way that it takes, where its client asks for that. */
  readonly way?: (attempt: Attempt) => Way;
};

/** What of a relayed request an exchange is made of. */
export function requestOf(run: Relay): ClientRequest {
  const { context: { request: { headers }, requestId, startedAtMs }, text, json, facts, admission: { continues } } = run;
  return { text, json, facts, headers, requestId, startedAtMs, continues, ...(wantsWay(headers) && { way: (attempt: Attempt) => wayOf(run, attempt) }) };
}

const utf8 = new TextDecoder();

/** Of what a request wishes of providers by name only we know whom it means. The rest a provider that routes itself must hear. */
const byName = ["order", "only", "ignore"];

/**
 * The request's `provider` wishes as a provider that routes itself gets them, as JSON text; undefined: there are none. One that was asked
 * by its own name gets them as they are: they are about its own choice.
 */
export function wishFor(text: string, { model, wish }: Pick<RequestFacts, "model" | "wish">, deployment: string): string | undefined {
  const raw = rawValue(text, "provider");
  if (raw === undefined || !raw.startsWith("{")) return undefined;
  if (model === deployment || wish?.models.includes(deployment)) return raw;
  const others = Object.fromEntries(Object.entries(JSON.parse(raw) as Record<string, unknown>).filter(([field]) => !byName.includes(field)));
  return Object.keys(others).length > 0 ? JSON.stringify(others) : undefined;
}

/** The exchange in which nothing is translated. */
export function passthrough(attempt: Attempt, protocol: Protocol, { text, json, facts, headers, requestId }: ClientRequest): Exchange {
  const { endpoint: { provider }, upstreamId } = attempt;
  const { streamOptions } = provider;
  const raw = (key: string): string | undefined => rawValue(text, key);
  const { stream_options, ...edits } = { ...protocol.edits(facts, raw, upstreamId), ...(attempt.seals && protocol.sealing?.(raw)) };
  if (stream_options !== undefined && streamOptions === undefined) edits.stream_options = stream_options;
  const own = provider.edits?.(protocol.id, upstreamId);
  const named: Record<string, string> = typeof protocol.path === "string" ? { model: JSON.stringify(upstreamId) } : {};
  const ours = facts.wish?.fields.filter((field) => !(provider.routes && field === "provider")) ?? [];
  const wish = provider.routes && facts.wish ? wishFor(text, facts, attempt.deployment) : undefined;
  const without = [...(streamOptions === "refused" ? ["stream_options"] : []), ...ours, ...(own?.without ?? []), ...(facts.wish && provider.routes && !wish ? ["provider"] : [])];
  const absent = Object.entries(own?.absent ?? {}).filter(([field]) => json[field] == null);
  const set = Object.fromEntries(Object.entries({ ...edits, ...named, ...Object.fromEntries(absent), ...own?.set, ...(wish !== undefined && { provider: wish }) }).filter(([field]) => !without.includes(field)));
  const askedByUs = facts.stream && !facts.usageAsked && streamOptions === undefined;
  const broken = (error: GatewayError): string => protocol.renderStreamError(error, requestId);
  return {
    protocol: protocol.id,
    path: pathOf(provider, protocol.id, upstreamId, facts.stream, typeof protocol.path === "string" ? protocol.path : protocol.path(upstreamId)),
    body: protocol.form ? { form: formWith(json, parsed(set), without) } : splice(text, set, without),
    headers: passedOn(headers, protocol.headers),
    losses: [],
    sameErrors: !protocol.ownErrors,
    read(bytes, contentType) {
      if (protocol.observeBytes && !isJson(contentType)) return { body: bytes, seen: protocol.observeBytes({ bytes, contentType, length: bytes.length }, facts) };
      const body = parse(bytes, provider.name);
      const seen = protocol.observe(body, facts);
      return facts.stream && protocol.streamed && seen.error === undefined ? { body: protocol.streamed(body), type: eventStream, seen } : { body: bytes, seen };
    },
    flows(contentType) {
      if (!protocol.observeBytes || !isMedia(contentType)) return undefined;
      const telling = protocol.telling?.(contentType, { json, facts });
      return { type: telling ? eventStream : contentType, observe: (length) => protocol.observeBytes!({ contentType, length }, facts), telling };
    },
    watch: () => ({ observer: beginningSoundly(protocol.watch(askedByUs), () => broken(noJson(provider.name))), native: !askedByUs, broken }),
  };
}

const eventStream = "text/event-stream; charset=utf-8";
const isJson = (contentType: string): boolean => /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType);
/** Sound, pictures and films go on as they come. */
const isMedia = (contentType: string): boolean => /^(?:audio|image|video)\/|^application\/octet-stream\b/i.test(contentType);

const parsed = (set: Readonly<Record<string, string>>): Record<string, unknown> => Object.fromEntries(Object.entries(set).map(([field, text]) => [field, JSON.parse(text) as unknown]));

const noJson = (name: string): GatewayError => new GatewayError("upstream_error", `${name} did not answer with JSON.`);

/** Of the client's headers those that its protocol names. */
function passedOn(headers: Headers, names: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  }));
}

function parse(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    throw noJson(name);
  }
}
