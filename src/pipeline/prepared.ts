/** What a request would be sent as, were it sent now. Nothing is sent, nothing is held. */
import type { Estimate, MeterPolicy } from "../limits/index.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { plan, type Attempt } from "../router/index.ts";
import { bound, callerOf, policyOf, refuseUnchecked } from "./admit.ts";
import { lost } from "./begin.ts";
import { readJson } from "./body.ts";
import { exchangeFor, reading } from "./chat.ts";
import type { RequestContext } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import { inlined } from "./inlined.ts";
import { questionFor } from "./planning.ts";
import { factsOf } from "./relay.ts";
import { sessionIn } from "./session.ts";
import { isWish } from "./wish.ts";

/** `estimate`: the most that it can use in a batch there. `discreet`: nobody may keep any of it. */
export type Prepared = { readonly attempt: Attempt; readonly exchange: Exchange; readonly estimate: Estimate; readonly policy: MeterPolicy; readonly discreet: boolean };

/** Plans a request and writes it for the first deployment of its plan. Throws what is wrong with it or with its caller, and what that deployment must not miss of it. */
export async function prepare(context: RequestContext, protocol: Protocol): Promise<Prepared> {
  const { request: { headers }, requestId, startedAtMs } = context;
  const caller = await callerOf(context);
  const { text, json } = await inlined(context, caller, await readJson(context.request));
  const facts = factsOf(protocol, text, json);
  const read = reading(protocol, text, facts.wish?.fields);
  const { attempts: [attempt] } = plan(await questionFor(context, caller, { protocol, facts, read, session: sessionIn(json, facts, headers) }));
  refuseUnchecked(facts, caller);
  const exchange = exchangeFor(attempt!, protocol, { text, json: json as Record<string, unknown>, facts, headers, requestId, startedAtMs }, read);
  const missed = lost(exchange, attempt!, isWish(headers.get("x-forge-strict")));
  if (missed) throw missed;
  return {
    attempt: attempt!, exchange, estimate: bound([attempt!], facts, protocol.id, startedAtMs, { batched: true }), policy: policyOf(caller),
    discreet: [facts.wish, caller.rules].some((said) => said?.zeroRetention === true || said?.noTraining === true),
  };
}
