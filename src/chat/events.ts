/** A streamed answer as events, and the fold that makes a whole answer of them. */
import type { ChatError, ChatResponse, Choice, Citation, FilePart, Finish, OpaquePart, Origin, Part, ReasoningPart, TextPart, TokenLogprob, ToolCallPart } from "./conversation.ts";
import type { Usage } from "./usage.ts";

/** Which part of which answer an event is about: `at` counts the parts of an answer from 0, `choice` the answers. */
export type Place = { at: number; choice: number };

/**
 * Laws that every parser keeps: `start` comes first and once; a part is started, continued and ended before the next one of
 * its choice starts, `at` going up by one; `finish` comes once per choice, behind its last part; `usage` holds the whole usage
 * and a later one replaces an earlier one; nothing follows `end`, which says that the protocol's own terminal event was there.
 * `error` may come at any time and ends the stream.
 */
export type ChatEvent =
  | { type: "start"; id?: string; model?: string; createdAtS?: number; serviceTier?: string; usage?: Usage }
  | ({ type: "text-start"; refusal?: true } & Place)
  | ({ type: "text-delta"; text: string; logprobs?: TokenLogprob[] } & Place)
  | ({ type: "text-citation"; citation: Citation } & Place)
  | ({ type: "text-end" } & Place)
  | ({ type: "reasoning-start"; id?: string; summarised?: true; origin: Origin } & Place)
  /** `paragraph`: index of the text in the block's `texts`. */
  | ({ type: "reasoning-delta"; text: string; paragraph: number } & Place)
  | ({ type: "reasoning-end"; signature?: string; encrypted?: string } & Place)
  | ({ type: "tool-call-start"; id: string; name: string; namespace?: string; custom?: true; search?: true } & Place)
  | ({ type: "tool-call-delta"; input: string } & Place)
  | ({ type: "tool-call-end" } & Place)
  /** A part that comes whole. */
  | ({ type: "part"; part: FilePart | OpaquePart } & Place)
  | { type: "finish"; choice: number; finish: Finish }
  | { type: "usage"; usage: Usage; serviceTier?: string; reportedNanoUsd?: number }
  | { type: "error"; error: ChatError }
  | { type: "end" };

/** Adds an event to the answer so far. */
export function fold(response: ChatResponse, event: ChatEvent): void {
  (folds[event.type] as (response: ChatResponse, event: ChatEvent) => void)(response, event);
}

/** A whole answer from its events. */
export function collect(events: Iterable<ChatEvent>): ChatResponse {
  const response: ChatResponse = { choices: [] };
  for (const event of events) fold(response, event);
  return response;
}

type Fold<T extends ChatEvent["type"]> = (response: ChatResponse, event: Extract<ChatEvent, { type: T }>) => void;

const unfinished: Finish = { unified: "other" };
const choiceAt = ({ choices }: ChatResponse, index: number): Choice => {
  while (choices.length <= index) choices.push({ parts: [], finish: unfinished });
  return choices[index]!;
};
const put = (response: ChatResponse, { at, choice }: Place, part: Part): void => void (choiceAt(response, choice).parts[at] = part);
const partAt = <P extends Part>(response: ChatResponse, { at, choice }: Place): P => choiceAt(response, choice).parts[at] as P;
const nothing = (): void => {};

const folds: { [T in ChatEvent["type"]]: Fold<T> } = {
  start: (response, { id, model, createdAtS, serviceTier, usage }) =>
    void Object.assign(response, defined({ id, model, createdAtS, serviceTier, usage })),
  "text-start": (response, event) => put(response, event, { type: "text", text: "", ...(event.refusal && { refusal: true }) }),
  "text-delta": (response, event) => {
    const part = partAt<TextPart>(response, event);
    part.text += event.text;
    if (event.logprobs) part.logprobs = [...(part.logprobs ?? []), ...event.logprobs];
  },
  "text-citation": (response, event) => {
    const part = partAt<TextPart>(response, event);
    part.citations = [...(part.citations ?? []), event.citation];
  },
  "text-end": nothing,
  "reasoning-start": (response, event) => {
    const { id, summarised, origin } = event;
    put(response, event, { type: "reasoning", texts: [], origin, ...defined({ id, summarised }) });
  },
  "reasoning-delta": (response, event) => {
    const { texts } = partAt<ReasoningPart>(response, event);
    while (texts.length <= event.paragraph) texts.push("");
    texts[event.paragraph] += event.text;
  },
  "reasoning-end": (response, event) => {
    const { signature, encrypted } = event;
    Object.assign(partAt<ReasoningPart>(response, event), defined({ signature, encrypted }));
  },
  "tool-call-start": (response, event) => {
    const { id, name, namespace, custom, search } = event;
    put(response, event, { type: "tool-call", id, name, input: "", ...defined({ namespace, custom, search }) });
  },
  "tool-call-delta": (response, event) => void (partAt<ToolCallPart>(response, event).input += event.input),
  "tool-call-end": nothing,
  part: (response, event) => put(response, event, event.part),
  finish: (response, { choice, finish }) => void (choiceAt(response, choice).finish = finish),
  usage: (response, { usage, serviceTier, reportedNanoUsd }) => void Object.assign(response, defined({ usage, serviceTier, reportedNanoUsd })),
  error: (response, { error }) => void (response.error = error),
  end: nothing,
};

/** The events of a whole answer: for a client that asked for a stream where the provider gave none. */
export function eventsOf({ id, model, createdAtS, serviceTier, choices, usage, reportedNanoUsd, error }: ChatResponse): ChatEvent[] {
  const events: ChatEvent[] = [{ type: "start", ...defined({ id, model, createdAtS, serviceTier }) }];
  choices.forEach(({ parts, finish }, choice) => {
    parts.forEach((part, at) => events.push(...eventsOfPart(part, { at, choice })));
    events.push({ type: "finish", choice, finish });
  });
  if (usage) events.push({ type: "usage", usage, ...defined({ serviceTier, reportedNanoUsd }) });
  if (error) events.push({ type: "error", error });
  events.push({ type: "end" });
  return events;
}

function eventsOfPart(part: Part, place: Place): ChatEvent[] {
  if (part.type === "text") {
    const { refusal, logprobs, text, citations = [] } = part;
    return [
      { type: "text-start", ...place, ...(refusal && { refusal }) },
      { type: "text-delta", ...place, text, ...(logprobs && { logprobs }) },
      ...citations.map((citation): ChatEvent => ({ type: "text-citation", ...place, citation })),
      { type: "text-end", ...place },
    ];
  }
  if (part.type === "reasoning") {
    const { id, summarised, origin, texts, signature, encrypted } = part;
    return [
      { type: "reasoning-start", ...place, origin, ...defined({ id, summarised }) },
      ...texts.map((text, paragraph): ChatEvent => ({ type: "reasoning-delta", ...place, text, paragraph })),
      { type: "reasoning-end", ...place, ...defined({ signature, encrypted }) },
    ];
  }
  if (part.type === "tool-call") {
    const { id, name, namespace, custom, search, input } = part;
    return [
      { type: "tool-call-start", ...place, id, name, ...defined({ namespace, custom, search }) },
      { type: "tool-call-delta", ...place, input },
      { type: "tool-call-end", ...place },
    ];
  }
  return part.type === "tool-result" ? [] : [{ type: "part", ...place, part }];
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** An object without its undefined fields. */
export function defined<T extends object>(fields: T): Defined<T> {
  const kept: Record<string, unknown> = {};
  for (const key in fields) if (fields[key] !== undefined) kept[key] = fields[key];
  return kept as Defined<T>;
}
