/** What stands before every page: where a form may come from, what a browser may load, who gets in. */
import { createMiddleware } from "hono/factory";
import { GatewayError } from "../errors.ts";
import { providersOf } from "./auth.ts";
import { may } from "./rights.ts";
import { go, visitOf, type Entry, type MemberVisit, type Room } from "./visit.ts";

/** Places that a form may lead to, beside our own: signing in with GitHub or Google begins with one. */
const signInPlaces = { github: "https://github.com", google: "https://accounts.google.com" } as const;

/** Where credits are bought, and where cards are seen to: the forms that ask for it lead there. */
const stripePlaces = ["https://checkout.stripe.com", "https://billing.stripe.com"];

/** Nothing from elsewhere, nothing inline, in nobody's frame, in no cache. */
export const sealed = createMiddleware<Room>(async function sealed(c, next) {
  await next();
  const { isolate } = c.get("visit") ?? {};
  const places: string[] = isolate ? Object.keys(providersOf(isolate.settings)).map((name) => signInPlaces[name as keyof typeof signInPlaces]) : [];
  if (isolate && isolate.settings.STRIPE_SECRET_KEY !== "" && c.req.path.startsWith("/dashboard/settings/billing")) places.push(...stripePlaces);
  const policy = [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'", "manifest-src 'self'",
    ["form-action 'self'", ...places].join(" "), "base-uri 'none'", "frame-ancestors 'none'",
  ];
  c.header("content-security-policy", policy.join("; "));
  c.header("strict-transport-security", "max-age=31536000");
  c.header("x-content-type-options", "nosniff");
  c.header("x-frame-options", "DENY");
  c.header("referrer-policy", "same-origin");
  c.header("cross-origin-opener-policy", "same-origin");
  c.header("cross-origin-resource-policy", "same-origin");
  c.header("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=()");
  if (!c.res.headers.has("cache-control")) c.header("cache-control", "private, no-store");
});

/** A form comes from our own pages. Every browser names the origin of a POST. */
export const sameOrigin = createMiddleware<Room>(async function sameOrigin(c, next) {
  const { origin } = new URL(c.req.url);
  const site = c.req.header("sec-fetch-site");
  if (c.req.method !== "GET" && c.req.method !== "HEAD" && (c.req.header("origin") !== origin || (site !== undefined && site !== "same-origin"))) {
    throw new GatewayError("not_permitted", "This form did not come from a page of this gateway. Go back, load the page again and send it again.");
  }
  await next();
});

/** Finds out who visits. */
export const known = createMiddleware<Room>(async function known(c, next) {
  c.set("visit", await visitOf(c));
  await next();
});

/** What a page says that is not there, or not for whoever asks. */
export const noSuchPage = (): GatewayError => new GatewayError("not_found", "There is no such page.");

/** Serves a line of the route table to whom it is for; leads others to where they can become that. Throws `not_permitted`; `not_found` for what only operators may know of. */
export function guarded({ method, may: access, serve }: Entry) {
  return async (c: { get(name: "visit"): MemberVisit; req: { url: string } }): Promise<Response> => {
    const visit = c.get("visit");
    if (access === "anyone") return serve(visit);
    if (!visit.person) {
      const { pathname, search } = new URL(c.req.url);
      const next = method === "GET" ? `?next=${encodeURIComponent(pathname + search)}` : "";
      return go(visit, `/sign-in${next}`);
    }
    if (access === "person") return serve(visit);
    const by = { actor: visit.person.email, nowMs: visit.nowMs };
    if (access === "operator") {
      if (!visit.isOperator) throw noSuchPage();
      return serve({ ...visit, by });
    }
    if (!visit.membership) return go(visit, "/welcome");
    if (!may(visit.membership.role, access)) {
      throw new GatewayError("not_permitted", `Your role in ${visit.membership.organisationName} is ${visit.membership.role}, which does not allow this. An owner or admin can change that.`);
    }
    return serve({ ...visit, by });
  };
}
