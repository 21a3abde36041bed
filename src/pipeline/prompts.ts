/** Legacy completions of several prompts, for models that can only be asked of one: side by side, and joined. */
import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import { record, type Json } from "../protocols/json.ts";
import { joinAnswers, JoinedStreams } from "../protocols/openai-completions/join.ts";
import { textsIn } from "../protocols/openai-completions/native.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { weigh } from "../router/index.ts";
import { splice } from "../upstream/index.ts";
import { jsonEventsOf } from "../upstream/json-events.ts";
import { callerOf } from "./admit.ts";
import { readJson } from "./body.ts";
import { reading } from "./chat.ts";
import type { RequestContext } from "./context.ts";
import { clientLeft } from "./hold.ts";
import { questionFor } from "./planning.ts";
import { refusal } from "./refusal.ts";
import { factsOf, type Serve } from "./relay.ts";
import { Requests } from "./requests.ts";
import { sessionIn } from "./session.ts";
import { written, type Write } from "./written.ts";

type Read = { readonly text: string; readonly json: unknown };

/** So many prompts are asked for in one request where each is a request of its own, and so many at once. */
const mostPrompts = 256;
const mostAbreast = 8;

/** `inner` for requests of several prompts, too. Costs a look at the prompt where there is one. */
export const withPrompts = (inner: Serve): Serve => async (context, protocol) => {
  let caller: Principal | undefined;
  try {
    caller = await callerOf(context);
    const read = context.read ?? (await readJson(context.request, context.named?.body));
    const prompts = textsIn(read.json);
    if (prompts.length === 0 || (await takesAll({ ...context, read }, protocol, caller, read))) return await inner({ ...context, read }, protocol);
    if (prompts.length > mostPrompts) throw new GatewayError("invalid_request", `prompt: at most ${mostPrompts} prompts at once for this model`, { param: "prompt" });
    const requests = new Requests(context, protocol, inner);
    const { stream, n } = read.json as { stream?: unknown; n?: unknown };
    const each = new Each(requests, context.request.signal, read.text, prompts, Math.min(mostAbreast, caller.limits.concurrentRequests ?? mostAbreast), typeof n === "number" ? n : 1);
    return stream === true ? await streamed(context, protocol, requests, each) : await whole(requests, each);
  } catch (thrown) {
    return refusal(context, protocol, caller, thrown);
  }
};

/** A body of several prompts is sent as it is, or as one of each. */
export const eachPrompt = (body: object): readonly object[] => [body, ...textsIn(body).slice(0, 1).map((prompt) => ({ ...body, prompt }))];

/** Whether some deployment of the model takes several prompts itself: only those are planned for such a request. */
async function takesAll(context: RequestContext, protocol: Protocol, caller: Principal, { text, json }: Read): Promise<boolean> {
  const facts = factsOf(protocol, text, json);
  const asking = { protocol, facts, read: reading(protocol, text, facts.wish?.fields), session: sessionIn(json, facts, context.request.headers) };
  return weigh(await questionFor(context, caller, asking)).attempts.length > 0;
}

/** The requests of one prompt each, some at a time, in order. */
class Each {
  readonly choices: number;
  readonly count: number;
  private readonly requests: Requests;
  private readonly text: string;
  private readonly prompts: readonly string[];
  private readonly width: number;
  private readonly signal: AbortSignal;

  constructor(requests: Requests, signal: AbortSignal, text: string, prompts: readonly string[], width: number, choices: number) {
    this.requests = requests;
    this.signal = signal;
    this.text = text;
    this.prompts = prompts;
    this.count = prompts.length;
    this.width = width;
    this.choices = choices;
  }

  /** `use` gets each answer; false, and nothing more is asked. Rejects with what `use` rejects with. */
  async ask(use: (response: Response, prompt: number) => Promise<boolean>): Promise<void> {
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < this.count && !this.signal.aborted) {
        const prompt = next++;
        const response = await this.requests.ask(splice(this.text, { prompt: JSON.stringify(this.prompts[prompt]) }, []));
        if (!(await use(response, prompt))) next = this.count;
      }
    };
    await Promise.all(Array.from({ length: this.width }, work));
  }
}

/** One prompt was refused: so is the whole. */
const refused = (requests: Requests, response: Response): Response => new Response(response.body, { status: response.status, headers: requests.headersOf(response, false) });

async function whole(requests: Requests, each: Each): Promise<Response> {
  const answers: Json[] = [];
  const came: Response[] = [];
  await each.ask(async (response, prompt) => {
    came.push(response);
    if (response.ok) answers[prompt] = (await response.json()) as Json;
    return response.ok;
  }).finally(() => requests.end());
  const failed = came.find(({ ok }) => !ok);
  if (failed) return refused(requests, failed);
  if (came.length < each.count) throw clientLeft;
  return new Response(JSON.stringify(joinAnswers(answers, each.choices)), { status: 200, headers: requests.headersOf(came[0]!, true) });
}

/** The stream of all prompts, once the first has begun to be answered. */
async function streamed(context: RequestContext, protocol: Protocol, requests: Requests, each: Each): Promise<Response> {
  const joined = new JoinedStreams(each.count, each.choices);
  const begun = Promise.withResolvers<Response>();
  const writing = Promise.withResolvers<Write>();
  const all = each.ask(async (response, prompt) => {
    begun.resolve(response);
    if (!response.ok) throw await errorIn(response);
    const write = await writing.promise.catch(async (reason: unknown) => {
      await response.body?.cancel();
      throw reason;
    });
    for await (const { event, data, frame } of jsonEventsOf(response.body!)) {
      if (event?.error !== undefined) throw new GatewayError("upstream_error", String(record(event.error).message));
      const told = event ? joined.push(prompt, event) : data === undefined ? frame : "";
      if (told !== "") await write(told);
    }
    return true;
  });
  for (const promise of [all, writing.promise]) promise.catch(() => {});
  const first = await begun.promise;
  if (!first.ok) {
    writing.reject(new Error("The first prompt was refused."));
    requests.end();
    return refused(requests, first);
  }
  return written(context, requests.headersOf(first, false), async (write) => {
    writing.resolve(write);
    await all;
    await write(joined.end());
  }, (error) => protocol.renderStreamError(error, context.requestId), () => requests.end());
}

async function errorIn(response: Response): Promise<GatewayError> {
  const { message } = record(record(await response.clone().json().catch(() => undefined)).error);
  return new GatewayError("upstream_refused", String(message ?? "A prompt was refused."), {}, response.status);
}
