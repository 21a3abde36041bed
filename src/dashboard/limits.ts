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

const passkeysFrom = (address: string): Allowance => ({ what: "passkey from", whose: address, most: 100, spanMs: 15 * minute });

/** Counts a try to sign in with a passkey. Which account it is about is known only when it has been read. */
export const presenting = async (visit: Visit): Promise<number> => Math.ceil((await countAttempt(visit.env.DB, visit.nowMs, [passkeysFrom(addressOf(visit))])) / minute);

const invitationsOf = (organisationId: string): Allowance => ({ what: "invitation", whose: organisationId, most: 50, spanMs: 24 * 60 * minute });
const invitationsTo = (email: string): Allowance => ({ what: "invitation to", whose: email, most: 5, spanMs: 24 * 60 * minute });

/** Counts an e-mail that somebody wants sent to somebody else. */
export const inviting = async (visit: Visit, organisationId: string, email: string): Promise<number> =>
  Math.ceil((await countAttempt(visit.env.DB, visit.nowMs, [invitationsOf(organisationId), invitationsTo(email)])) / minute);
