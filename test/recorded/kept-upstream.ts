/** The provider behind what is kept: it answers each line of a recorded batch with the line that was recorded, when it is let. */
import { setTimeout as sleep } from "node:timers/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { StandIn } from "../support/server.ts";
import type { Kept } from "./kept.ts";

type Json = Record<string, unknown>;
type Line = { custom_id: string; body?: Json; params?: Json; response?: { body: Json }; result?: { message: Json } };

const linesIn = (text: string): Line[] => text.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
const asked = ({ input, messages, dimensions }: Json): string => JSON.stringify([input ?? messages, dimensions]);
const said: Json = { id: "chatcmpl-recorded", object: "chat.completion", created: 1, model: "recorded", choices: [{ index: 0, message: { role: "assistant", content: "4" }, finish_reason: "stop" }], usage: { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 } };

/** What was answered to whom, of everything that was recorded of batches. */
function answersIn(recordings: readonly Kept[]): Map<string, Json> {
  const bodies = new Map(recordings.map((one) => [one, JSON.parse(one.format === "json" && one.response.body_text?.startsWith("{") && !one.request.path.endsWith("/content") && !one.request.path.endsWith("/results") ? one.response.body_text : "{}") as Json]));
  const textOf = (path: string): string => recordings.find(({ request }) => request.path === path)?.response.body_text ?? "";
  const pairs = [...bodies].flatMap(([one, body]): [Line[], Line[]][] => {
    if (body.object === "batch" && body.output_file_id) {
      const input = [...bodies].find(([{ request }, { id }]) => request.method === "POST" && id === body.input_file_id)?.[0];
      return [[linesIn(input?.request.body_text ?? ""), linesIn(textOf(`/v1/files/${String(body.output_file_id)}/content`))]];
    }
    return one.request.path === "/v1/messages/batches" && one.request.body ? [[(one.request.body as { requests: Line[] }).requests, linesIn(textOf(`/v1/messages/batches/${String(body.id)}/results`))]] : [];
  });
  return new Map(pairs.flatMap(([questions, answers]) => questions.flatMap(({ custom_id, body, params }) => {
    const line = answers.find((answer) => answer.custom_id === custom_id);
    const answer = line?.response?.body ?? line?.result?.message;
    return answer ? [[asked(body ?? params ?? {}), answer] as const] : [];
  })));
}

export class RecordedLines extends StandIn {
  /** How many more of the lines whose answers were recorded are answered; the others wait. */
  allowed = 0;
  /** What happens to lines whose answers were not recorded. */
  others: "wait" | "answered" | "refused" = "wait";
  private readonly answers: Map<string, Json>;

  constructor(recordings: readonly Kept[]) {
    super();
    this.answers = answersIn(recordings);
  }

  /** The answer to a response of this input. */
  learn(input: string, answer: Json): void {
    this.answers.set(asked({ input }), answer);
  }

  protected async serve({ url, method }: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    response.setHeader("content-type", "application/json");
    // It has no batches of its own.
    if (method !== "POST" || /\/(?:files|batches)$/.test(url!)) return void response.writeHead(404).end('{"error":{"message":"No such thing.","type":"invalid_request_error","param":null,"code":null}}');
    const answer = this.answers.get(asked(JSON.parse(text) as Json));
    while ((answer ? this.allowed <= 0 : this.others === "wait") && !response.destroyed) await sleep(5);
    if (answer) this.allowed -= 1;
    else if (this.others === "refused") return void response.writeHead(400).end('{"error":{"message":"Not this.","type":"invalid_request_error","param":null,"code":null}}');
    response.end(JSON.stringify(answer ?? said));
  }
}
