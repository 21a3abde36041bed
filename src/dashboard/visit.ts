/** One visit of one page: who comes, for which organisation, and the ways to answer. */
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Membership } from "../accounts/members.ts";
import { membershipsOf } from "../accounts/members.ts";
import { isolateOf, type Isolate } from "../pipeline/index.ts";
import { dropSession } from "../accounts/people-sessions.ts";
import { authOf, freshSeconds, sessionCookie, type Auth } from "./auth.ts";
import type { Right } from "./rights.ts";

export type Room = { Bindings: Cloudflare.Env; Variables: { visit: Visit } };
export type Person = { id: string; name: string; email: string };
/** The session that this visit is part of, and when it began. */
type Session = { id: string; sinceMs: number };

/** Anybody's visit. `origin`: as the browser sees this gateway. */
export type Visit = {
  c: Context<Room>;
  env: Cloudflare.Env;
  isolate: Isolate;
  origin: string;
  nowMs: number;
  auth: Auth;
  person?: Person;
  session?: Session;
  memberships: readonly Membership[];
  membership?: Membership;
  /** Whether this person runs the gateway (DASHBOARD_OPERATORS). */
  isOperator: boolean;
};
/** Somebody who is signed in. */
export type PersonVisit = Visit & { person: Person; session: Session };
/** Somebody of an organisation. `by`: who changes something now, for the audit trail. */
export type MemberVisit = PersonVisit & { membership: Membership; by: { actor: string; nowMs: number } };
/** Somebody who runs the gateway. `by`: as for members. */
export type OperatorVisit = PersonVisit & Pick<MemberVisit, "by">;

type Method = "GET" | "POST";
type Answer = Response | Promise<Response>;
/** One line of the route table. `may`: who gets in. */
export type Entry = { method: Method; path: string; may: "anyone" | "person" | "operator" | Right; serve: (visit: MemberVisit) => Answer };

/** A page or an action for everybody. */
export const anyone = (method: Method, path: string, serve: (visit: Visit) => Answer): Entry => ({ method, path, may: "anyone", serve });
/** One for whoever is signed in. */
export const person = (method: Method, path: string, serve: (visit: PersonVisit) => Answer): Entry => ({ method, path, may: "person", serve });
/** One for members of the current organisation whose role has this right. */
export const member = (right: Right, method: Method, path: string, serve: (visit: MemberVisit) => Answer): Entry => ({ method, path, may: right, serve });
/** One for those who run the gateway. To everybody else it is not there. */
export const operator = (method: Method, path: string, serve: (visit: OperatorVisit) => Answer): Entry => ({ method, path, may: "operator", serve });

const cookie = { path: "/", secure: true, httpOnly: true, sameSite: "Lax" } as const;
const organisationCookie = "__Host-forge-organisation";
const flashCookie = "__Host-forge-flash";
const themeCookie = "__Host-forge-theme";

/** Who visits. The organisation is the one that was chosen last, if the person still belongs to it, else their first. */
export async function visitOf(c: Context<Room>): Promise<Visit> {
  const { env } = c;
  const isolate = isolateOf(env);
  const { origin } = new URL(c.req.url);
  const auth = await authOf(env, isolate.settings, origin);
  const session = await auth.api.getSession({ headers: c.req.raw.headers, returnHeaders: true });
  for (const line of session.headers?.getSetCookie() ?? []) c.header("set-cookie", line, { append: true });
  const visit: Visit = { c, env, isolate, origin, nowMs: Date.now(), auth, memberships: [], isOperator: false };
  // Roles go by e-mail address: an address that is not proved gives none.
  if (!session.response?.user.emailVerified) return visit;
  const { user, session: { id, createdAt } } = session.response;
  const memberships = await membershipsOf(env.DB, user.email);
  const chosen = getCookie(c, organisationCookie);
  const membership = memberships.find(({ organisationId }) => organisationId === chosen) ?? memberships[0];
  const isOperator = isolate.settings.DASHBOARD_OPERATORS.includes(user.email.toLowerCase());
  return { ...visit, person: { id: user.id, name: user.name, email: user.email }, session: { id, sinceMs: createdAt.getTime() }, memberships, membership, isOperator };
}

/** Whether this person has just shown who they are, as for changing how they sign in. */
export const isFresh = ({ session, nowMs }: PersonVisit): boolean => nowMs - session.sinceMs < freshSeconds * 1_000;

/** Makes an organisation the current one from the next page on. */
export const choose = ({ c }: Visit, organisationId: string): void => setCookie(c, organisationCookie, organisationId, { ...cookie, maxAge: 365 * 86_400 });

/** Leaves a message for the next page, which shows it once. */
export const leave = ({ c }: Visit, message: string): void => setCookie(c, flashCookie, message.slice(0, 500).toWellFormed(), { ...cookie, maxAge: 60 });

/** Goes to a page below /dashboard, where `message` is shown once. */
export function go(visit: Visit, path: string, message?: string): Response {
  if (message) leave(visit, message);
  return visit.c.redirect(`/dashboard${path}`, 303);
}

/** The message that the page before left, once. */
export function flashOf({ c }: Visit): string | undefined {
  const message = getCookie(c, flashCookie);
  if (message !== undefined) deleteCookie(c, flashCookie, cookie);
  return message;
}

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** How the person wants it to look. */
export const themeOf = ({ c }: Visit): Theme => themes.find((theme) => theme === getCookie(c, themeCookie)) ?? "system";
export const setTheme = ({ c }: Visit, theme: Theme): void => setCookie(c, themeCookie, theme, { ...cookie, maxAge: 365 * 86_400 });

/** What better-auth wants the browser to keep. */
export function keep({ c }: Visit, headers: Headers | undefined | null): void {
  for (const line of headers?.getSetCookie() ?? []) c.header("set-cookie", line, { append: true });
}

/** Ends the session that this browser had, once `headers` bring it another one. */
export async function supersede({ env, session }: Visit, headers: Headers): Promise<void> {
  if (session && headers.getSetCookie().some((line) => line.startsWith(`${sessionCookie}=`))) await dropSession(env.DB, session.id);
}

/** The first 64 bits of an IPv6 address, however it is written. */
function networkOf(address: string): string {
  const [head = [], tail] = address.split("::").map((part) => part.split(":").filter((group) => group !== ""));
  const groups = tail === undefined ? head : [...head, ...Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0"), ...tail];
  return groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16)).join(":");
}

/** Where the caller comes from, for limits: an IPv6 network of 64 bits is one caller. */
export function addressOf({ c }: Visit): string {
  const address = c.req.header("cf-connecting-ip") ?? "local";
  return address.includes(":") ? networkOf(address) : address;
}
