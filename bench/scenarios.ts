/** What is asked of every target, and for how long. */

/** One cell of the table. `events` is what a whole stream must have, [DONE] included; 0 for JSON. */
export type Scenario = {
  name: string;
  kind: "json" | "stream";
  model: string;
  askUsage: boolean;
  events: number;
  concurrency: number;
  durationMs: number;
  requests: number;
  /** Its length is the upstream's doing, so requests/s say nothing: only CPU, first byte and latency do. */
  paced: boolean;
};

const unlimited = Number.MAX_SAFE_INTEGER;

/** The scenarios, at full length or short. */
export function scenarios(options: { quick: boolean; only: string | undefined }): Scenario[] {
  const time = options.quick ? 0.4 : 1;
  const json = (concurrency: number, durationMs: number): Scenario => ({
    name: `JSON, c=${concurrency}`, kind: "json", model: "json", askUsage: false, events: 0, concurrency, durationMs: durationMs * time, requests: unlimited, paced: false,
  });
  const stream = (model: string, askUsage: boolean, concurrency: number, durationMs: number, requests = unlimited): Scenario => ({
    name: `${model}, ${askUsage ? "usage asked" : "usage not asked"}, c=${concurrency}`,
    kind: "stream", model, askUsage, events: Number(/\d+/.exec(model)) + (askUsage ? 2 : 1), concurrency, durationMs: durationMs * time, requests, paced: requests < unlimited,
  });
  const waves = 16 * (options.quick ? 1 : 3);
  const all = [
    json(1, 1500),
    json(16, 2000),
    stream("sse-200", true, 1, 1000),
    stream("sse-200", false, 1, 1000),
    stream("sse-200", true, 16, 2000),
    stream("sse-200", false, 16, 2000),
    stream("paced-200", true, 16, unlimited, waves),
    stream("paced-200", false, 16, unlimited, waves),
  ];
  return all.filter((scenario) => !options.only || scenario.kind === options.only);
}

/** The request body of a scenario, for a target that knows the model as `prefix` + its name. */
export function bodyOf(scenario: Pick<Scenario, "kind" | "model" | "askUsage">, prefix: string): string {
  return JSON.stringify({
    model: prefix + scenario.model,
    messages: [
      { role: "system", content: "You are a helpful assistant that answers in one short paragraph." },
      { role: "user", content: "What does the quick brown fox do, and what does the dog think of it? ".repeat(4) },
    ],
    temperature: 0.7,
    max_tokens: 512,
    ...(scenario.kind === "stream" && { stream: true }),
    ...(scenario.kind === "stream" && scenario.askUsage && { stream_options: { include_usage: true } }),
  });
}
