/** From a request to its plan: everything that the router weighs, brought together. */
import type { Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import { tierOf } from "../ledger/price.ts";
import type { Protocol, RequestFacts } from "../protocols/protocol.ts";
import type { Question } from "../router/index.ts";
import { kindsFor, protocolsFor, type Reading } from "./chat.ts";
import type { RequestContext } from "./context.ts";
import type { Isolate } from "./isolate.ts";
import { needsOf } from "./needs.ts";
import type { Session } from "./session.ts";
import { isWish } from "./wish.ts";

/** A request that was read, and is to be planned. */
export type Asking = {
  readonly protocol: Protocol;
  readonly facts: RequestFacts;
  readonly read: Reading;
  readonly session: () => Session | undefined;
};

/** What is asked of the router for this caller. Throws `plan_required` where the plan has no sovereign requests. */
export async function questionFor({ request, isolate, startedAtMs, waitUntil, requestId }: RequestContext, principal: Principal, { protocol, facts, read, session }: Asking): Promise<Question> {
  const catalog = isolate.catalog.peek(startedAtMs, waitUntil) ?? (await isolate.catalog.get(startedAtMs, waitUntil));
  const { models: selfHostedModels, at: servedAt } = isolate.selfHosted.peek(startedAtMs, waitUntil) ?? (await isolate.selfHosted.get(startedAtMs, waitUntil));
  const sovereign = principal.sovereign || isWish(request.headers.get("x-sovereign"));
  if (sovereign && principal.maySovereign === false) throw new GatewayError("plan_required", "The plan of this key's organisation has no sovereign requests.", { shouldRetry: false });
  const { model: name, searches = 0, searchesAnyhow, serviceTier, wish, nativeOnly } = facts;
  const kind = protocol.kind ?? "chat";
  const { conversation, counting } = protocol;
  const kinds = kindsFor(protocol);
  return {
    name, protocols: protocolsFor(protocol, request.headers), principal, sovereign, wish, kind, kinds,
    searches: searches > 0 ? (searchesAnyhow ? "any" : protocol.id) : undefined, tier: tierOf(serviceTier), nativeOnly: nativeOnly && { ...nativeOnly, protocol: protocol.id },
    catalog, atMs: startedAtMs, selfHostedModels, servedAt, endpoints: isolate.endpoints,
    needs: () => ({ ...needsOf(facts, kind, conversation || counting ? read() : undefined), ...(kinds && { alsoKinds: [...new Set(kinds.values())] }) }),
    health: (vital) => isolate.health.of(vital, startedAtMs),
    get seed() {
      return session()?.ids[0] ?? requestId;
    },
    get stuck() {
      return remembered(isolate.sessions, principal.keyId, session());
    },
  };
}

/** The deployment at which a conversation ran before, as far as this isolate knows. What its health is known by begins with it. */
function remembered(sessions: Isolate["sessions"], keyId: string, session: Session | undefined): string | undefined {
  if (!session?.begun) return undefined;
  for (const id of session.ids) {
    const vital = sessions.get(`${keyId} ${id}`);
    if (vital !== undefined) return vital.split(" ", 1)[0];
  }
  return undefined;
}
