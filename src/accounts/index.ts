/**
 * Who is calling, and who may do what: keys, principals, organisations, people, their credentials, the audit trail.
 * Does not belong here: counting (limits), HTTP (routes). Imports: errors, telemetry.
 */
export { secretFromHeaders, secretFromRequest } from "./api-key.ts";
export type { AccountPolicy } from "./budgets.ts";
export type { Masters } from "./credentials.ts";
export type { Credential, EffectiveLimits, KeyPolicy, KeyStanding, Limits, Principal } from "./policy.ts";
export { countsMoney } from "./policy.ts";
export { keysHeader, withBroughtKeys } from "./brought-keys.ts";
export { Principals } from "./principals.ts";
export { RecentMap } from "./recent-map.ts";
export { forgeIdentityIn, type ForgeIdentity } from "./forge-identity.ts";
export { looksLikeSecret } from "./api-key.ts";
export { TokenIssuers } from "./token-issuers.ts";
export { Installations } from "./installations.ts";
export { principalOfKeySource, principalOfOrganisation, principalSource } from "./read-principal.ts";
export { webhookSecret } from "./webhook-secret.ts";
export { removeExpiredSecrets } from "./keys.ts";
export { removeExpiredInvitations } from "./invitations.ts";
export { removeExpiredSessions } from "./people.ts";
export { removeOldAttempts } from "./attempts.ts";
