/** Signing in with GitHub and Google: what they are called, and what is said when it came to nothing. */

export const providerNames = { github: "GitHub", google: "Google" } as const;
export type ProviderName = keyof typeof providerNames;

const again = "That took too long, or was begun in another browser. Try again.";

/** By the code that better-auth comes back with. */
const words: Record<string, string> = {
  access_denied: "You did not allow it there, so nothing was done.",
  state_mismatch: again,
  state_not_found: again,
  email_not_verified: "Your e-mail address there is not verified, so it cannot be told whose it is. Verify it there, or sign up with it here.",
  account_not_linked: "Your e-mail address there is not verified, so it cannot be told whose it is. Verify it there, or sign in another way and link it on your account's page.",
  email_not_found: "No e-mail address came from there. Give your account there one, or sign up here.",
  unable_to_create_user: "This address may have no account here: sign-up is by invitation. Ask an owner or admin of an organisation to invite it.",
  account_already_linked_to_different_user: "That account belongs to somebody else here already.",
  unable_to_link_account: "It could not be linked. Verify your e-mail address there, and try again.",
};

/** Why signing in with GitHub or Google failed; nothing of what the address says is shown itself. */
export const whyNot = (code: string): string => (Object.hasOwn(words, code) ? words[code]! : undefined) ?? "That did not work: what came back could not be used. Try again, or sign in another way.";
