/** What the e-mails say. */
import { html } from "hono/html";
import type { Mail } from "../mail.ts";

/** The link with which a person chooses a password, the first one too. `name`: of whom the address is known to be; else it may be anybody's words. */
export function passwordMail({ to, name, url }: { to: string; name: string | undefined; url: string }): Mail {
  const lines = [name === undefined ? "Hello," : `Hello ${name},`, "choose your password for Forge here. The link works once, for an hour:", url, "If you did not ask for this, ignore it: nothing happens without the link."];
  const page = html`<p>${lines[0]}</p><p>Choose your password for Forge. The link works once, for an hour.</p><p><a href="${url}">Choose your password</a></p><p>${lines[3]}</p>`;
  return { to, subject: "Your link to Forge", text: lines.join("\n\n"), html: String(page) };
}

/** That somebody has changed how an account is signed in to. It has no link: whoever forges such an e-mail has one. */
export function changeMail({ to, name, what }: { to: string; name: string; what: string }): Mail {
  const lines = [`Hello ${name},`, what, "If that was you, there is nothing to do. If it was not, choose a new password (\"Forgot your password?\" where you sign in), which ends all sessions, and then look at the ways to sign in on your account's page."];
  return { to, subject: "How you sign in to Forge has changed", text: lines.join("\n\n"), html: String(html`${lines.map((line) => html`<p>${line}</p>`)}`) };
}

type Invited = { to: string; organisation: string; role: string; by: string; url: string; days: number };

/** The link with which a person joins an organisation. */
export function invitationMail({ to, organisation, role, by, url, days }: Invited): Mail {
  const first = `${by} invites you to ${organisation} on Forge, as ${role}.`;
  const last = `The link works for ${days} days, and for this address only. If you do not know what this is about, ignore it.`;
  const page = html`<p>${first}</p><p><a href="${url}">Join ${organisation}</a></p><p>${last}</p>`;
  return { to, subject: `Join ${organisation} on Forge`, text: [first, url, last].join("\n\n"), html: String(page) };
}

/** What was decided about an application. */
export function decisionMail({ to, name, approved, url }: { to: string; name: string; approved: boolean; url: string }): Mail {
  const first = approved ? "you may use Forge now: name your organisation, and the first key is yours." : "your application to use Forge was declined.";
  const last = approved ? "Sign in with this address." : "Ask whoever runs this gateway if you think that this is a mistake.";
  const page = html`<p>Hello ${name},</p><p>${first}</p>${approved ? html`<p><a href="${url}">Go on</a></p>` : ""}<p>${last}</p>`;
  return { to, subject: approved ? "Welcome to Forge" : "Your application to Forge", text: [`Hello ${name},`, first, ...(approved ? [url] : []), last].join("\n\n"), html: String(page) };
}
