/** The way that a request took, as its client, the ledger and its conversation hear of it. */
import type { Attempt, Plan } from "../router/index.ts";
import type { Ending } from "./outcome.ts";
import type { Relay } from "./relay.ts";

/** So many exclusions are written down; `POST /v1/route` tells all. */
const mostExcluded = 16;

/** What needs no explanation where one deployment was asked for, or one of its providers is set up here. */
const plain: ReadonlySet<string> = new Set(["fallbacks_off", "not_configured"]);

const quoted = (name: string): string => `"${name.replace(/[^\x20-\x7e]|["\\]/g, "?")}"`;

/** `X-Forge-Route`: the deployments that were tried, in order, and what those said that did not answer. A list by RFC 9651. */
export function routeHeader({ refused }: Pick<Relay, "refused">, attempt: Pick<Attempt, "deployment">): Record<string, string> {
  const before = refused.map(({ deployment, status, errorCode }) => `${quoted(deployment)};status=${status};error=${errorCode}`);
  return { "x-forge-route": [...before, quoted(attempt.deployment)].join(", ").slice(0, 4_096) };
}

/** What an outcome has of the way: how it was reserved for, who was tried before, and where there was a choice, why not the others. */
export function routeOf({ admission: { reserved, plan }, refused }: Relay, legs = 1): Pick<Ending, "reserved" | "refused" | "attempts" | "route"> {
  const { pick, excluded, attempts } = plan;
  const chosen = pick !== undefined || attempts.length > 1 || excluded.some(({ reason }) => !plain.has(reason));
  return {
    reserved, refused, attempts: refused.length + legs,
    ...(chosen && { route: { pick: pick ?? "order", planned: attempts.length, excluded: excluded.slice(0, mostExcluded), others: Math.max(0, excluded.length - mostExcluded) } }),
  };
}

/** Whether a conversation could have gone elsewhere: there are several to try, or one is out of the plan only while it is down. */
export const chooses = ({ attempts, excluded }: Plan): boolean => attempts.length > 1 || excluded.some(({ reason }) => reason === "unhealthy");

/** Where the conversation shall be remembered to have run; undefined: it has no choice, or would come here again by itself. */
export function stayedAt({ admission: { plan }, session: sessionOf, context, admission }: Relay, { vital }: Pick<Attempt, "vital">): { id: string; vital: string } | undefined {
  const session = chooses(plan) ? sessionOf() : undefined;
  if (!session) return undefined;
  const [id] = session.ids;
  context.isolate.sessions.set(`${admission.policy.keyId} ${id}`, vital);
  return session.begun || vital !== plan.attempts[0]!.vital ? { id, vital } : undefined;
}
