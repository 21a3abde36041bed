/** People and their browsers, for tests inside the Worker. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { app } from "../../src/app.ts";
import { newId } from "../../src/accounts/base62.ts";
import { putMember, type Role } from "../../src/accounts/members.ts";
import { createOrganisation } from "../../src/accounts/organisations.ts";
import { authOf } from "../../src/dashboard/auth.ts";
import { isolateOf } from "../../src/pipeline/index.ts";

export const origin = "https://forge.example";
export const password = "correct horse battery staple";

type Settings = Record<string, string>;
const assets = { fetch: async (request: Request) => (request.url.endsWith("names.json") ? Response.json({ "base.css": "base.css", "base.js": "base.js", ...Object.fromEntries(["waiting", "names", "tail", "playground", "upload", "progress", "passkeys"].map((name) => [`${name}.js`, `${name}.js`])) }) : new Response(null, { status: 404 })) };

/** One browser: keeps cookies, sends Origin with forms, follows nothing by itself. Its gateway may have settings of its own. */
export class Browser {
  readonly cookies = new Map<string, string>();
  /** E-mails that the gateway of this browser has sent. */
  readonly mails: { to: string; subject: string; text: string }[] = [];
  readonly env: Cloudflare.Env;

  constructor(settings: Settings = {}) {
    const sender = { send: async (mail: { to: string; subject: string; text: string }) => void this.mails.push(mail) };
    this.env = { ...env, ASSETS: assets, EMAIL: sender, DASHBOARD_MAIL_FROM: "forge@example.com", DASHBOARD_SIGN_UP: "open", ...settings } as never;
  }

  /** Asks for a path below /dashboard, and waits for all that goes on behind the answer. */
  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers({ accept: "text/html", ...Object.fromEntries(new Headers(init.headers)) });
    if (this.cookies.size > 0) headers.set("cookie", [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; "));
    const context = createExecutionContext();
    const response = await app.fetch(new Request(`${origin}/dashboard${path}`, { ...init, headers, redirect: "manual" }), this.env, context);
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (/max-age=0(;|$)/i.test(line)) this.cookies.delete(name!);
      else this.cookies.set(name!, value!);
    }
    await waitOnExecutionContext(context);
    return response;
  }

  get = (path: string, headers: Record<string, string> = {}): Promise<Response> => this.ask(path, { headers });

  post(path: string, fields: Record<string, string> = {}, headers: Record<string, string> = {}): Promise<Response> {
    const body = new URLSearchParams(fields).toString();
    return this.ask(path, {
      method: "POST", body, headers: { origin, "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded", "content-length": String(body.length), ...headers },
    });
  }

  /** The token of the newest link that was sent. */
  get token(): string {
    return decodeURIComponent(/token=([^\s&]+)/.exec(this.mails.at(-1)?.text ?? "")?.[1] ?? "");
  }
}

let people = 0;

/** A new address. */
export const newEmail = (): string => `person${(people += 1)}.${Date.now()}@example.com`;

/** Somebody who has signed up through the pages and is signed in. */
export async function newPerson(email = newEmail(), settings: Settings = {}): Promise<Browser & { email: string }> {
  const browser = Object.assign(new Browser(settings), { email });
  await browser.post("/sign-up", { name: "Ada Lovelace", email });
  await browser.post("/password", { token: browser.token, password });
  return browser;
}

/** Somebody who is signed in, made without the pages: many are needed. */
export async function quickPerson(email = newEmail(), settings: Settings = {}): Promise<Browser & { email: string }> {
  const browser = Object.assign(new Browser(settings), { email });
  const auth = await authOf(browser.env, isolateOf(browser.env).settings, origin);
  await auth.api.signUpEmail({ body: { name: "Ada", email, password } });
  await env.DB.prepare("UPDATE people SET email_verified = 1 WHERE email = ?").bind(email).run();
  await browser.post("/sign-in", { email, password });
  return browser;
}

/** A member of a new organisation. */
export async function newMember(role: Role): Promise<Browser & { email: string; organisationId: string }> {
  const browser = await quickPerson();
  const organisationId = newId("org_");
  const by = { actor: "test", nowMs: Date.now() };
  await createOrganisation(env.DB, by, { id: organisationId, name: "Engines", plan: "default", sovereign: false, headerCredentials: false });
  await putMember(env.DB, by, organisationId, { email: browser.email, role });
  return Object.assign(browser, { organisationId });
}

/** Somebody who runs the gateway, and belongs to no organisation. */
export async function newOperator(settings: Settings = {}): Promise<Browser & { email: string }> {
  const email = newEmail();
  return quickPerson(email, { ...settings, DASHBOARD_OPERATORS: `somebody.else@example.com, ${email.toUpperCase()}` });
}
