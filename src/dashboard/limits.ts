/** How often signing in and asking for a link may be tried: by whom it is about, and by where it comes from. */
import { countAttempt, type Allowance } from "../accounts/attempts.ts";
import { addressOf, type Visit } from "./visit.ts";

const minute = 60_000;

export const guesses = (email: string): Allowance => ({ what: "sign-in", whose: email, most: 10, spanMs: 15 * minute });
const guessesFrom = (address: string): Allowance => ({ what: "sign-in from", whose: address, most: 50, spanMs: 15 * minute });
const links = (email: string): Allowance => ({ what: "link", whose: email, most: 3, spanMs: 60 * minute });
const linksFrom = (address: string): Allowance => ({ what: "link from", whose: address, most: 20, spanMs: 60 * minute });

/** Counts a guess of a password. Returns the minutes to wait when there were too many, whether or not the account exists. */
export const guessing = async (visit: Visit, email: string): Promise<number> =>
  Math.ceil((await countAttempt(visit.env.DB, visit.nowMs, [guesses(email), guessesFrom(addressOf(visit))])) / minute);

/** Counts a wish for a link. */
export const asking = async (visit: Visit, email: string): Promise<number> =>
  Math.ceil((await countAttempt(visit.env.DB, visit.nowMs, [links(email), linksFrom(addressOf(visit))])) / minute);

const startsFrom = (address: string): Allowance => ({ what: "start from", whose: address, most: 100, spanMs: 15 * minute });

/** Counts a step of signing in with a passkey, GitHub or Google: each leaves a row behind, and whose account it is about is known only at its end. */
export const starting = async (visit: Visit): Promise<number> => Math.ceil((await countAttempt(visit.env.DB, visit.nowMs, [startsFrom(addressOf(visit))])) / minute);

const invitationsOf = (organisationId: string): Allowance => ({ what: "invitation", whose: organisationId, most: 50, spanMs: 24 * 60 * minute });
const invitationsTo = (email: string): Allowance => ({ what: "invitation to", whose: email, most: 5, spanMs: 24 * 60 * minute });

/** Counts an e-mail that somebody wants sent to somebody else. */
export const inviting = async (visit: Visit, organisationId: string, email: string): Promise<number> =>
  Math.ceil((await countAttempt(visit.env.DB, visit.nowMs, [invitationsOf(organisationId), invitationsTo(email)])) / minute);
