/**
 * Alerts: what a budget has come to is told to people by e-mail, and to a server by a signed call. Does not belong here: when there is something to
 * tell, and that it is told once (limits). Imports: accounts, the e-mails, the call that tells somebody.
 */
export { tell, tryOut, type Told } from "./tell.ts";
export type { Alert } from "./words.ts";
