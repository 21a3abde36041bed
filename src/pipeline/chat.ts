/**
 * Another protocol at the far end: the client's request is read into the canonical conversation and written anew for the
 * provider, and the answer the same way back.
 */
import { collect, eventsOf, holdsSealed, noUsage, parseExact, type ChatRequest, type ChatResponse, type Loss } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import { conversations } from "../protocols/conversations.ts";
import type { ClientHalf, Observation, ParseContext, Prefill, Protocol, RenderContext, StreamParser, Target, UpstreamHalf } from "../protocols/protocol.ts";
import { dataOf, eventOf, splitFrames } from "../protocols/sse.ts";
import { pathOf, type Provider } from "../providers/index.ts";
import type { Attempt, Question } from "../router/index.ts";
import { splice } from "../upstream/index.ts";
import { crossed, wantsCost } from "./crossed.ts";
import type { Exchange, WholeAnswer } from "./exchange.ts";
import { roomForAnswer } from "./most.ts";
import { costSeen } from "./outcome.ts";
import { passthrough, wishFor, type ClientRequest } from "./passthrough.ts";
import { observationOf, Retelling } from "../protocols/retelling.ts";
import { Spliced } from "./spliced.ts";

const utf8 = new TextDecoder();

/** Protocols that count without answering, by the id that providers speak them under. */
const counters = new Map([...conversations.values()].flatMap((half) => (half.count ? [[half.count.id, half.count] as const] : [])));

/** Protocols in which a request of `protocol` can be made, its own first. */
export function protocolsFor(protocol: Protocol, headers: Headers): readonly string[] {
  const wanted = headers.get("x-forge-protocol");
  const others = [...[...(protocol.crossings ?? []), ...(protocol.jobs ?? [])].map(({ id }) => id), ...(protocol.conversation ? conversations.keys() : protocol.counting ? counters.keys() : [])];
  const reachable = [protocol.id, ...others.filter((id) => id !== protocol.id)];
  if (wanted === null) return reachable;
  if (!reachable.includes(wanted)) {
    throw new GatewayError("invalid_request", `X-Forge-Protocol: must be one of ${reachable.join(", ")} here.`, { param: "X-Forge-Protocol" });
  }
  return [wanted];
}

/** What the models are for that a request of `protocol` can be asked of, by protocol; undefined: they are all for the same. */
export function kindsFor({ id, kind: other, crossings = [], conversation }: Protocol): Question["kinds"] {
  const kind = other ?? ("chat" as const);
  const others = crossings.some((crossing) => crossing.kind !== undefined && crossing.kind !== kind);
  if (!others && (!conversation || kind === "chat")) return undefined;
  return new Map([...(conversation ? [...conversations.keys()].map((one) => [one, "chat"] as const) : []), ...crossings.map((crossing) => [crossing.id, crossing.kind ?? kind] as const), [id, kind]]);
}

/** Reads the conversation at most once, however many attempts there are. */
export type Reading = () => ChatRequest;

/** `ours`: fields of the body that are for the gateway and no part of the conversation. A form has no text: its fields are `json`. */
export function reading({ conversation, counting, form }: Protocol, text: string, ours: readonly string[] = [], json: unknown = undefined): Reading {
  let request: ChatRequest | undefined;
  function read(): ChatRequest {
    const body = (form ? { ...(json as object) } : parseExact(text)) as Record<string, unknown>;
    for (const field of ours) delete body[field];
    return (conversation ?? counting)!.parseRequest(body);
  }
  return () => (request ??= read());
}

/** Nobody is called this: reasoning that bears it is nobody's here. */
const elsewhere = "elsewhere";

/** A conversation whose reasoning was made by somebody else than whoever it is told to now. */
const estranged = (chat: ChatRequest): ChatRequest => ({
  ...chat,
  turns: chat.turns.map((turn) => ({
    ...turn,
    parts: turn.parts.map((part) => (part.type === "reasoning" && part.origin.provider === undefined ? { ...part, origin: { ...part.origin, provider: elsewhere } } : part)),
  })),
});

/** How to speak to an attempt's deployment. What was sealed for another provider, or it would not take, is never passed through. */
export function exchangeFor(attempt: Attempt, protocol: Protocol, request: ClientRequest, read: Reading): Exchange {
  const { conversation, counting, crossings } = protocol;
  const own = attempt.protocols[0] === protocol.id;
  // Some protocols only clients speak, but for whoever offers the same.
  const same = own && !conversations.has(protocol.id);
  // What is passed through nobody here has read, and so nobody could go on with it.
  const through = !request.continues;
  const taken = own && (attempt.endpoint.provider.takes?.(protocol.id, request.text) ?? true);
  // A format that was made for just this says more of it than a conversation.
  const crossing = own ? undefined : attempt.protocols.map((spoken) => crossings?.find(({ id }) => id === spoken)).find((one) => one !== undefined);
  if (crossing) return crossed(attempt, crossing, request, protocol.renderStreamError);
  if (counting && !taken) return countingOf(attempt, counting, read());
  if (!conversation || same || (through && taken && !protocol.retold && !attempt.foreign && !holdsSealed(request.text))) return passthrough(attempt, protocol, request);
  return translated(attempt, conversation, request, attempt.foreign ? estranged(read()) : read(), own && !protocol.retold ? [protocol.id] : attempt.protocols);
}

/** How to have an attempt's deployment go on with an answer that is the last turn of `chat`, in one of these protocols. */
export const continuationFor = (attempt: Attempt, client: ClientHalf, request: ClientRequest, chat: ChatRequest, prefills: ReadonlyMap<string, Prefill>): Exchange =>
  translated(attempt, client, request, attempt.foreign ? estranged(chat) : chat, [...prefills.keys()], prefills);

type Spoken = { half: UpstreamHalf; target: Target; rendered: ReturnType<UpstreamHalf["renderRequest"]> };

/** Of the protocols that the deployment speaks, the one that loses least; of equals the one that its provider prefers. */
function render({ endpoint: { provider }, upstreamId, maxOutputTokens }: Attempt, chat: ChatRequest, protocols: readonly string[], prefills?: ReadonlyMap<string, Prefill>): Spoken {
  let best: Spoken | undefined;
  for (const id of protocols) {
    const half = conversations.get(id);
    if (!half) continue;
    const dialect = { ...provider.dialect, ...(provider.streamOptions && { streamOptions: provider.streamOptions }) };
    const target: Target = { upstreamId, origin: { protocol: id, provider: provider.id }, dialect, maxOutputTokens, prefill: prefills?.get(id) };
    const rendered = half.renderRequest(chat, target);
    if (!best || rendered.losses.length < best.rendered.losses.length) best = { half, target, rendered };
    if (best.rendered.losses.length === 0) break;
  }
  return best!;
}

/** The text of a rendered body, as the provider wants it. */
function bodyText(provider: Provider, protocol: string, upstreamId: string, body: Readonly<Record<string, unknown>>, wish?: string): string {
  const own = provider.edits?.(protocol, upstreamId);
  const text = JSON.stringify(wish === undefined ? body : { ...body, provider: JSON.parse(wish) as unknown });
  return own ? splice(text, own.set ?? {}, own.without ?? []) : text;
}

function translated(
  attempt: Attempt, client: ClientHalf, { requestId, headers, startedAtMs, text, facts, continues, way }: ClientRequest, chat: ChatRequest,
  protocols: readonly string[], prefills?: ReadonlyMap<string, Prefill>,
): Exchange {
  const { endpoint: { provider }, upstreamId } = attempt;
  const room = roomForAnswer(attempt, facts) ?? Infinity;
  const shortened = (chat.maxOutputTokens ?? 0) > room;
  const { half, target, rendered } = render(attempt, shortened ? { ...chat, maxOutputTokens: room } : chat, protocols, prefills);
  const parsing: ParseContext = { origin: target.origin, idSeed: requestId.replace(/^req_/, "") };
  const rendering = (seen: () => Observation | undefined, alone = (): boolean => true): RenderContext => ({
    request: chat, requestId, nowS: Math.floor(Date.now() / 1000), provider: provider.name, own: attempt.own === true, ...(wantsCost(headers) && { cost: () => costSeen(attempt, seen(), startedAtMs) }),
    ...(way && { way: () => (alone() ? way(attempt) : undefined) }),
  });
  const parse = (): StreamParser => half.parseStream(parsing);
  return {
    protocol: half.id,
    path: target.prefill?.path ?? pathOf(provider, half.id, upstreamId, chat.stream, half.path(upstreamId, chat.stream)),
    body: bodyText(provider, half.id, upstreamId, rendered.body, provider.routes && facts.wish ? wishFor(text, facts, attempt.deployment) : undefined),
    headers: half.headers ?? {},
    losses: [...new Set<Loss>([...rendered.losses, ...(shortened ? ["max_output_tokens" as const] : []), ...(chat.unread ?? [])])],
    ...(chat.needed && { needed: chat.needed }),
    sameErrors: false,
    read(bytes, contentType) {
      const response = whole(half, parsing, utf8.decode(bytes), contentType, provider.name);
      const seen = observationOf(response);
      return retold(client, rendering(() => seen), response, seen, provider.name);
    },
    parse,
    watch() {
      if (!continues) {
        const observer: Retelling = new Retelling(parse(), client.renderStream(rendering(() => observer.seen)));
        return { observer, native: false, type: client.streamType, broken: (error) => observer.fail(error) };
      }
      // Of an answer in two halves the first one's cost is no exact figure.
      const spliced: Spliced = new Spliced(parse(), client.renderStream(rendering(() => (spliced.isSecond ? undefined : spliced.seen), () => !spliced.isSecond)));
      return { observer: spliced, spliced, native: false, type: client.streamType, broken: (error) => spliced.fail(error) };
    },
  };
}

/** Counting by whoever of the deployment's protocols can count. It costs nothing. */
function countingOf({ endpoint: { provider }, upstreamId, protocols, maxOutputTokens }: Attempt, { render }: NonNullable<Protocol["counting"]>, chat: ChatRequest): Exchange {
  const id = protocols[0]!;
  const counter = counters.get(id)!;
  const target: Target = { upstreamId, origin: { protocol: id, provider: provider.id }, dialect: provider.dialect ?? {}, maxOutputTokens };
  return {
    protocol: id,
    path: pathOf(provider, id, upstreamId, false, counter.path(upstreamId)),
    body: bodyText(provider, id, upstreamId, counter.render(chat, target)),
    headers: {}, losses: [], sameErrors: false,
    read(bytes) {
      const tokens = counter.parse(jsonOf(utf8.decode(bytes), provider.name));
      if (tokens === undefined) throw new GatewayError("upstream_error", `${provider.name} did not say how many tokens there are.`);
      return { body: render(tokens), type: "application/json", seen: { usage: noUsage, reportedNanoUsd: undefined, error: undefined, terminated: true, outputCharacters: 0 } };
    },
    watch: () => {
      throw new GatewayError("upstream_error", `${provider.name} answered with a stream where a count was asked for.`);
    },
  };
}

/** A whole answer, or one that came as a stream although nobody asked for it. */
function whole(half: UpstreamHalf, context: ParseContext, text: string, contentType: string, name: string): ChatResponse {
  if (contentType.includes("text/event-stream")) {
    const parser = half.parseStream(context);
    const events = splitFrames(text).flatMap((frame) => {
      const data = dataOf(frame);
      return data === undefined ? [] : parser.push({ event: eventOf(frame), data });
    });
    return collect([...events, ...parser.end()]);
  }
  return half.parseResponse(jsonOf(text, name), context);
}

function jsonOf(text: string, name: string): unknown {
  try {
    return parseExact(text);
  } catch {
    throw new GatewayError("upstream_error", `${name} did not answer with JSON.`);
  }
}

/** An answer that says nothing of what was asked is an error, and has been paid for. */
function rendered(client: ClientHalf, response: ChatResponse, context: RenderContext, seen: Observation): WholeAnswer {
  try {
    return { ...client.renderResponse(response, context), type: "application/json", seen };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { seen: { ...seen, error: error.message }, error };
  }
}

/** The answer in the client's protocol; an error inside it is an error to the client. */
function retold(client: ClientHalf, context: RenderContext, response: ChatResponse, seen: Observation, name: string): WholeAnswer {
  const error = response.error ?? (response.choices.length === 0 ? { status: 502, message: "the answer has nothing in it" } : undefined);
  if (error) return { seen: { ...seen, error: error.message }, error: new GatewayError("upstream_refused", `${name}: ${error.message.slice(0, 2_000)}`, {}, error.status) };
  if (!context.request.stream) return rendered(client, response, context, seen);
  const renderer = client.renderStream(context);
  const told = eventsOf(response).map((event) => (event.type === "end" ? "" : renderer.push(event))).join("");
  return { body: told + renderer.end(), type: client.streamType, seen };
}
