/** What is asked of every target, and for how long. */

/** The protocol of a request or an upstream. */
export type Wire = "chat" | "messages";

/** One cell of the table. */
export type Scenario = {
  name: string;
  kind: "json" | "stream";
  model: string;
  /** What the upstream speaks. Clients speak chat completions; only who cannot translate is asked in the upstream's own. */
  upstream: Wire;
  askUsage: boolean;
  /** Events with text in a whole stream; 0 for JSON. */
  events: number;
  concurrency: number;
  durationMs: number;
  requests: number;
  /** Its length is the upstream's doing, so requests/s say nothing: only CPU, first byte and latency do. */
  paced: boolean;
};

/** Events of a Messages stream that are not text: start and stop of message and block, ping, delta. */
export const messageFrame = 6;

const unlimited = Number.MAX_SAFE_INTEGER;

/** The scenarios, at full length or short. `only` picks a kind, or those that cross from one protocol to another. */
export function scenarios(options: { quick: boolean; only: string | undefined }): Scenario[] {
  const time = options.quick ? 0.4 : 1;
  const json = (upstream: Wire, concurrency: number, durationMs: number): Scenario => ({
    name: `${crossing(upstream)}JSON, c=${concurrency}`, kind: "json", model: "json", upstream, askUsage: false, events: 0, concurrency, durationMs: durationMs * time, requests: unlimited, paced: false,
  });
  const stream = (upstream: Wire, model: string, askUsage: boolean, concurrency: number, durationMs: number, requests = unlimited): Scenario => ({
    name: `${crossing(upstream)}${model}, ${askUsage ? "usage asked" : "usage not asked"}, c=${concurrency}`,
    kind: "stream", model, upstream, askUsage, events: Number(/\d+/.exec(model)), concurrency, durationMs: durationMs * time, requests, paced: requests < unlimited,
  });
  const waves = 16 * (options.quick ? 1 : 3);
  const all = [
    json("chat", 1, 1500),
    json("chat", 16, 2000),
    stream("chat", "sse-200", true, 1, 1000),
    stream("chat", "sse-200", false, 1, 1000),
    stream("chat", "sse-200", true, 16, 2000),
    stream("chat", "sse-200", false, 16, 2000),
    stream("chat", "paced-200", true, 16, unlimited, waves),
    stream("chat", "paced-200", false, 16, unlimited, waves),
    json("messages", 16, 2000),
    stream("messages", "sse-200", true, 16, 2000),
    stream("messages", "paced-200", true, 16, unlimited, waves),
  ];
  return all.filter(({ kind, upstream }) => !options.only || kind === options.only || (options.only === "crossing" && upstream === "messages"));
}

/** How many events a client of `client`'s protocol must see of one stream. A translator may say the same in one more or less. */
export function eventsAtClient(scenario: Scenario, client: Wire): { least: number; most: number } {
  const { kind, upstream, events, askUsage } = scenario;
  if (kind === "json") return { least: 0, most: 0 };
  if (client !== upstream) return { least: events, most: events + 4 };
  const all = events + (client === "messages" ? messageFrame : askUsage ? 2 : 1);
  return { least: all, most: all };
}

/** The request body of a scenario, for a target that knows the model as `prefix` + its name. */
export function bodyOf(scenario: Pick<Scenario, "kind" | "model" | "askUsage">, client: Wire, prefix: string): string {
  const system = "You are a helpful assistant that answers in one short paragraph.";
  const user = { role: "user", content: "What does the quick brown fox do, and what does the dog think of it? ".repeat(4) };
  const stream = scenario.kind === "stream";
  return JSON.stringify({
    model: prefix + scenario.model,
    ...(client === "chat" ? { messages: [{ role: "system", content: system }, user] } : { system, messages: [user] }),
    temperature: 0.7,
    max_tokens: 512,
    ...(stream && { stream: true }),
    ...(stream && client === "chat" && scenario.askUsage && { stream_options: { include_usage: true } }),
  });
}

function crossing(upstream: Wire): string {
  return upstream === "chat" ? "" : "Anthropic → chat: ";
}
