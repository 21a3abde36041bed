/**
 * The account on which a provider made a batch, as it is reached whatever has become since of the key that asked for it, of the organisation or of
 * the input; and what is owed for answers that came from there.
 */
import { principalOfOrganisation, Principals, type Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import type { RequestContext } from "../pipeline/index.ts";
import { ProviderCalls } from "../upstream/provider-batches.ts";
import type { Native } from "./batch.ts";
import type { Bench } from "./bench.ts";

/** Who answers a line, and under which reservation, where it has none of its own to ask for. */
export type Answerer = Pick<RequestContext, "isolate" | "planned" | "under">;

/** The organisation itself, without what it lets its keys do. */
const organisation = ({ isolate: { env, masters }, work: { batch: { organisationId } } }: Bench): Promise<Principal> => principalOfOrganisation(env.DB, masters, organisationId, Date.now());

/** The provider's API there; undefined: nobody has the way in any more. */
export async function accountOf(bench: Bench, { provider, at }: Pick<Native, "provider" | "at">): Promise<ProviderCalls | undefined> {
  const endpoint = bench.isolate.endpoints.get(provider!)?.find(({ baseUrl }) => baseUrl === at!.baseUrl);
  if (!endpoint || !at!.own) return endpoint && new ProviderCalls(endpoint);
  const secret = (await organisation(bench)).credentials.get(provider!)?.secret;
  return secret === undefined ? undefined : new ProviderCalls({ ...endpoint, secret });
}

/**
 * Makes answers owed: they were reserved for when the key might call, and have been made, so nobody asks again whether it may, nor whether there is
 * room. undefined: of a batch that was asked for before it was noted where.
 */
export async function owing(bench: Bench): Promise<Pick<Answerer, "under"> & { keys: Principals } | undefined> {
  const { isolate: { meters }, work: { batch: { keyId, native } } } = bench;
  if (!native?.at) return undefined;
  const { organisationId, limits, bodyDays } = await organisation(bench);
  // What answers is here already: this says only on whose account it was asked.
  const credentials: Principal["credentials"] = new Map(native.at.own ? [[native.provider!, { secret: "kept", only: true }]] : []);
  const principal: Principal = { keyId, keyName: "", organisationId, version: 0, limits, models: undefined, sovereign: false, usageScope: "key", expiresAtMs: undefined, credentials, ...(bodyDays !== undefined && { bodyDays }) };
  const policy = { keyId, organisationId, version: 0, enabled: true, limits };
  return {
    keys: new Principals(() => Promise.resolve(principal), 1, () => true),
    under: {
      take: async (reserving) => {
        const reply = await meters.submit({ ...(await reserving(principal)), owed: true }, policy);
        if (reply.is !== "granted") throw new GatewayError("limiter_unavailable", "Limits cannot be checked right now.", { retryAfterSeconds: 1 });
        return { principal, policy, reply };
      },
    },
  };
}
