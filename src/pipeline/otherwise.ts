/** The same deployment asked in another way, where its refusal says that it could not take the first one. */
import type { Endpoint } from "../providers/index.ts";
import type { Attempt } from "../router/index.ts";
import type { Failure } from "./attempt.ts";
import type { Relay } from "./relay.ts";
import { chooses } from "./route.ts";
import { holdsEncrypted } from "./session.ts";

const statusOf = ({ answer, error }: Failure): number => answer?.status ?? error.status;
const wayOf = ({ baseUrl }: Endpoint, protocol: string | undefined): string => `${baseUrl} ${protocol}`;

/**
 * Reasoning that came from elsewhere, where several may be asked, is left out. A server of the owner's that may have no such path is asked
 * in the next protocol that its software may speak; `doubted` is that path, and once the other one is answered it is known to be missing.
 */
export function otherwise({ admission, text }: Relay, attempt: Attempt, failure: Failure): { attempt: Attempt; doubted?: string } | undefined {
  if (failure.unreadable && !attempt.foreign && chooses(admission.plan) && holdsEncrypted(text)) return { attempt: { ...attempt, foreign: true } };
  const { endpoint, protocols } = attempt;
  if (statusOf(failure) !== 404 || !endpoint.provider.selfHosted || protocols.length < 2) return undefined;
  return { attempt: { ...attempt, protocols: protocols.slice(1) }, doubted: wayOf(endpoint, protocols[0]) };
}

/** An attempt without the protocol that its server has said it does not speak. */
export const spoken = ({ context: { isolate } }: Relay, attempt: Attempt): Attempt =>
  attempt.protocols.length > 1 && isolate.unspoken.get(wayOf(attempt.endpoint, attempt.protocols[0])) ? { ...attempt, protocols: attempt.protocols.slice(1) } : attempt;
