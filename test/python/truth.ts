/** What the upstreams answer, in no protocol's words: each of them tells it in its own, and every SDK must read exactly this. */

export type Call = { id: string; name: string; input: Record<string, unknown> };
export type Citation = { url: string; title: string };
/** `input` holds the cached tokens, `output` the reasoning. */
export type Usage = { input: number; cached: number; output: number; reasoning: number };
export type Answer = { thought: string; text: string; calls: Call[]; citations: Citation[]; finish: "stop" | "tools" | "length"; usage: Usage };

const answer = (input: number, told: Partial<Omit<Answer, "usage">>): Answer => ({
  thought: "", text: "", calls: [], citations: [], finish: "stop", ...told,
  usage: { input, cached: input - 100, output: 60 + input, reasoning: told.thought ? 7 : 0 },
});

/** Everything that a reader of lines or of JSON could stumble over. */
const text = 'Grüße aus 東京 🗼,\r\n\t"quoted" and back\\slashed; \u2028 and \u0085 end no line here. data: {"error": null}\n\n';
const thought = "The user greets 👋 me.\n\nSo I greet back.";
const calls = [
  { id: "call_truth_1", name: "weather", input: { city: 'Zürich "Enge"', days: [1, 2], ratio: 0.5, deep: { none: null, yes: true } } },
  { id: "call_truth_2", name: "clock", input: {} },
];
const citations = [{ url: "https://example.com/a", title: "First page" }, { url: "https://example.com/b?c=d", title: "Zweite Seite" }];

/** Answers, by the model that gives them. `silent` pauses longer than it takes the gateway to write into a silence. */
export const answers: Record<string, Answer> = {
  text: answer(211, { text }),
  silent: answer(223, { text }),
  thought: answer(227, { thought, text }),
  call: answer(229, { calls: calls.slice(0, 1), finish: "tools" }),
  "thought-text-calls": answer(233, { thought, text, calls, finish: "tools" }),
  cited: answer(239, { text, citations }),
  length: answer(241, { text, finish: "length" }),
};

/** Refusals before the stream, by the model that is refused with them. */
export const refusals: Record<string, { status: number; retryAfter?: string }> = { busy: { status: 429, retryAfter: "7" }, broken: { status: 500 } };

/** How streams die in the middle, by the model whose streams do: by an error event, a lost connection, an end before the end. */
export const deaths = ["error", "cut", "unfinished"] as const;

/** What the models that count have counted. */
export const counted = 241;

/** A provider for each protocol, and the protocol in which it counts tokens. */
export const upstreams = {
  "openai-chat": { provider: "deepseek", counts: null },
  "openai-responses": { provider: "openai", counts: "openai-input-tokens" },
  "anthropic-messages": { provider: "anthropic", counts: "anthropic-count-tokens" },
  "gemini-generate": { provider: "gemini", counts: "gemini-generate" },
} as const;

export type ProtocolId = keyof typeof upstreams;

/** All of it, for the Python side. */
export const truth = { answers, refusals, deaths, counted, upstreams };
