/** The layer: requests that name MCP servers, or whose conversation does, take the path turn by turn; all others as they are. */
import type { Principal } from "../accounts/index.ts";
import { RecentMap } from "../accounts/recent-map.ts";
import { parseExact } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import { callerOf, isWish, look, readJson, refusal, written, type RequestContext, type Serve, type Write } from "../pipeline/index.ts";
import { list, record, type Json } from "../protocols/json.ts";
import { jsonEventsOf } from "../upstream/json-events.ts";
import { History, isAboutMcp } from "./history.ts";
import { Run } from "./run.ts";
import { isOurs, labelsElsewhere, readServers } from "./server.ts";

const ping = ": ping\n\n";

/** `inner` with MCP servers, for requests of Responses. Costs a look at the tools and the items where there are none. */
export const withMcp = (inner: Serve): Serve => async (context, protocol) => {
  let caller: Principal | undefined;
  try {
    caller = await callerOf(context);
    const read = context.read ?? (await readJson(context.request, context.named?.body));
    const { tools, input } = read.json as Json;
    if (!list(tools).some(isOurs) && !list(input).some(isAboutMcp)) return await inner({ ...context, read }, protocol);
    const body = parseExact(read.text) as Json;
    const servers = readServers(tools, context.isolate.settings.ALLOW_PRIVATE_UPSTREAMS);
    if (servers.length > 0) await mayReach(context, caller, servers[0]!.at);
    return await answer(context, new Run(context, protocol, inner, { body, servers, history: new History(body.input, labelsElsewhere(tools)) }));
  } catch (thrown) {
    return refusal(context, protocol, caller, thrown);
  }
};

/** How often a key has asked servers in a minute, as far as this isolate knows: what is asked before the model counts as no request of the key's yet. */
const asked = new RecentMap<{ readonly minute: number; readonly times: number }>(10_000);
const minuteMs = 60_000;

function countVisit({ keyId, limits }: Principal, nowMs: number): void {
  const minute = Math.floor(nowMs / minuteMs);
  const before = asked.get(keyId);
  const times = before?.minute === minute ? before.times + 1 : 1;
  if (times > limits.requestsPerMinute) throw new GatewayError("rate_limit_exceeded", "This key has asked MCP servers as often in this minute as it may make requests.", { retryAfterSeconds: Math.ceil(((minute + 1) * minuteMs - nowMs) / 1_000) });
  asked.set(keyId, { minute, times });
}

/** What a sovereign request says leaves the owner's machines by no server of others. Its key's object is asked, which knows what an isolate may not have heard yet. */
async function mayReach(context: RequestContext, caller: Principal, param: string): Promise<void> {
  const { principal } = await look(context, caller);
  countVisit(principal, context.startedAtMs);
  if (principal.sovereign || isWish(context.request.headers.get("x-sovereign"))) {
    throw new GatewayError("invalid_request", `${param}: a sovereign request may reach no MCP server.`, { param, shouldRetry: false });
  }
}

async function answer(context: RequestContext, run: Run): Promise<Response> {
  let streams = false;
  try {
    await run.prepare();
    const { response, round } = await run.ask();
    if (!response.ok) return refused(response, run);
    streams = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
    return streams ? streamed(context, run, response, round) : await whole(run, response, round);
  } finally {
    if (!streams) run.close();
  }
}

type Round = Awaited<ReturnType<Run["ask"]>>["round"];

/** A turn that was refused, as the whole is. What has called tools is not to be sent again by itself. */
function refused(response: Response, run: Run): Response {
  const headers = run.requests.headersOf(response, false);
  if (run.acted) headers.set("x-should-retry", "false");
  return new Response(response.body, { status: response.status, headers });
}

async function whole(run: Run, first: Response, begun: Round): Promise<Response> {
  let [response, round] = [first, begun];
  for (;;) {
    round.whole((await response.json()) as Json);
    const all = await run.after(round);
    if (all) return new Response(JSON.stringify(all), { status: 200, headers: run.requests.headersOf(response, true) });
    ({ response, round } = await run.ask());
    if (!response.ok) return refused(response, run);
  }
}

/** The events of all turns as one stream. */
function streamed(context: RequestContext, run: Run, first: Response, begun: Round): Response {
  const failed = (error: GatewayError): string => {
    run.telling.fail("server_error", error.message);
    return run.telling.take();
  };
  return written(context, run.requests.headersOf(first, false), go, failed, () => run.close());

  async function go(write: Write): Promise<void> {
    const tell = async (): Promise<void> => {
      const text = run.telling.take();
      if (text !== "") await write(text);
    };
    let [response, round] = [first, begun];
    for (;;) {
      await hear(response, round, write, tell);
      if (round.broke) round.close();
      if (round.broke || (await beating(run.after(round, tell), write))) break;
      await tell();
      ({ response, round } = await beating(run.ask(), write));
      if (response.ok) continue;
      run.telling.fail(response.status === 429 ? "rate_limit_exceeded" : "server_error", await messageOf(response));
      break;
    }
    await tell();
  }

  /** Waits for what says nothing meanwhile. */
  async function beating<T>(promise: Promise<T>, write: Write): Promise<T> {
    const clock = setInterval(() => void write(ping).catch(() => {}), context.isolate.settings.STREAM_HEARTBEAT_MS);
    try {
      return await promise;
    } finally {
      clearInterval(clock);
    }
  }
}

/** Retells a turn as it comes. */
async function hear(response: Response, round: Round, write: Write, tell: () => Promise<void>): Promise<void> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return round.whole((await response.json()) as Json);
  for await (const { event, frame } of jsonEventsOf(response.body!)) {
    if (event) round.push(event);
    else await write(frame);
    await tell();
  }
}

async function messageOf(response: Response): Promise<string> {
  const said = await response.json().catch(() => undefined);
  const { message } = record(record(said).error);
  return typeof message === "string" ? message : `The next turn was refused with status ${response.status}.`;
}
