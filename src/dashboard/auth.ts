/**
 * better-auth, which keeps people: who they are, how they sign in, their sessions. Organisations and roles are Forge's own
 * (src/accounts/members.ts), since keys and budgets hang on them. Nothing of its HTTP surface is mounted but the way back from GitHub and Google:
 * our forms call it in the Worker, behind our own limits and checks.
 */
import { betterAuth, type BetterAuthOptions } from "better-auth";
import { waitUntil } from "cloudflare:workers";
import { recordOwn } from "../accounts/audit.ts";
import { closeUnproved, personOf, verifyEmail } from "../accounts/people.ts";
import type { Settings } from "../env.ts";
import { admits } from "./admission.ts";
import { log } from "../telemetry/log.ts";
import { canMail, sendMail } from "../mail.ts";
import { changeMail, passwordMail } from "./mails.ts";
import { hashPassword, verifyPassword } from "./password.ts";
import { providerNames, type ProviderName } from "./providers.ts";

export const sessionCookie = "__Host-forge-session";
export const passwordLength = { min: 10, max: 128 };
const weekSeconds = 7 * 86_400;
/** For how long after signing in a person may change how they sign in. */
export const freshSeconds = 86_400;
/** How long a link in an e-mail works. */
export const linkSeconds = 3_600;

const dates = { createdAt: "created_at", updatedAt: "updated_at" };

/** Nothing is asked of GitHub or Google after signing in, so nothing that would allow it is kept. */
const noTokens = { accessToken: null, refreshToken: null, idToken: null, accessTokenExpiresAt: null, refreshTokenExpiresAt: null };

/** Signs cookies and links. Of its own by HKDF, so that nobody has to make up another secret, and nobody learns the pepper from it. */
async function secretOf(pepper: string): Promise<string> {
  const encoder = new TextEncoder();
  const material = await crypto.subtle.importKey("raw", encoder.encode(pepper), "HKDF", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode("dashboard/v1") }, material, 256);
  return new Uint8Array(bits).toHex();
}

const secrets = new Map<string, Promise<string>>();

/** The GitHub and Google applications that are configured. */
export function providersOf(settings: Settings): { github?: { clientId: string; clientSecret: string }; google?: { clientId: string; clientSecret: string } } {
  const { GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET } = settings;
  return {
    ...(GITHUB_CLIENT_ID && GITHUB_CLIENT_SECRET && { github: { clientId: GITHUB_CLIENT_ID, clientSecret: GITHUB_CLIENT_SECRET } }),
    ...(GOOGLE_CLIENT_ID && GOOGLE_CLIENT_SECRET && { google: { clientId: GOOGLE_CLIENT_ID, clientSecret: GOOGLE_CLIENT_SECRET } }),
  };
}

/** What goes on while people sign in. `onPassword`: told who has just chosen a password through a link; `onLink`: takes the links that would be sent. */
type Listeners = { onPassword?: (person: { email: string }) => void; onLink?: (url: string) => void };

/** How better-auth is set up. `origin`: as the browser sees this gateway. */
export async function authOptions(env: Cloudflare.Env, settings: Settings, origin: string, { onPassword, onLink }: Listeners = {}) {
  const { KEY_PEPPER: pepper } = settings;
  if (!secrets.has(pepper)) secrets.set(pepper, secretOf(pepper));
  return {
    appName: "Forge",
    baseURL: origin,
    basePath: "/dashboard/auth",
    secret: await secrets.get(pepper)!,
    database: env.DB,
    telemetry: { enabled: false },
    logger: { level: "error", log: (level, message) => log(level === "error" ? "error" : "warn", "auth", { message }) },
    rateLimit: { enabled: false },
    onAPIError: { errorURL: "/dashboard/sign-in" },
    user: {
      modelName: "people",
      fields: { emailVerified: "email_verified", ...dates },
      validateUserInfo: async ({ user, source }) => {
        if (source.method !== "oauth" || source.action === "sign-in") return undefined;
        // Roles go by the address: whoever says that it is theirs has to have proved it to GitHub or Google.
        if (user.emailVerified !== true) return { error: "email_not_verified" };
        if (source.action === "link-account") await closeUnproved(env.DB, user.id!, { butPassword: false });
        return undefined;
      },
    },
    session: {
      modelName: "people_sessions",
      fields: { userId: "person_id", expiresAt: "expires_at", ipAddress: "ip_address", userAgent: "user_agent", ...dates },
      expiresIn: weekSeconds,
      updateAge: 3_600,
      freshAge: freshSeconds,
    },
    account: {
      modelName: "people_accounts",
      fields: {
        userId: "person_id", accountId: "account_id", providerId: "provider_id", accessToken: "access_token", refreshToken: "refresh_token", idToken: "id_token",
        accessTokenExpiresAt: "access_token_expires_at", refreshTokenExpiresAt: "refresh_token_expires_at", ...dates,
      },
      // No provider is trusted by its name: an account is found by its address only where that is verified there. Ours need not be, since
      // an account whose address nobody has proved is emptied before it is linked (validateUserInfo).
      accountLinking: { enabled: true, trustedProviders: [], requireLocalEmailVerified: false, allowDifferentEmails: true },
      updateAccountOnSignIn: false,
    },
    verification: { modelName: "people_verifications", fields: { expiresAt: "expires_at", ...dates }, storeIdentifier: "hashed" },
    socialProviders: providersOf(settings),
    emailAndPassword: {
      enabled: true,
      requireEmailVerification: true,
      autoSignIn: false,
      minPasswordLength: passwordLength.min,
      maxPasswordLength: passwordLength.max,
      password: { hash: hashPassword, verify: verifyPassword },
      resetPasswordTokenExpiresIn: linkSeconds,
      revokeSessionsOnPasswordReset: true,
      sendResetPassword: async ({ user, token }) => {
        const url = `${origin}/dashboard/password?token=${encodeURIComponent(token)}`;
        if (onLink) onLink(url);
        else await sendMail(env, settings, passwordMail({ to: user.email, name: user.emailVerified ? user.name : undefined, url }));
      },
      onPasswordReset: async ({ user }) => {
        await closeUnproved(env.DB, user.id, { butPassword: true });
        await verifyEmail(env.DB, user.id);
        // The first password changes nothing.
        if (user.emailVerified) await recordOwn(env.DB, { actor: user.email, nowMs: Date.now() }, { action: "person.password", subject: user.email, detail: { by: "link" } });
        onPassword?.(user);
      },
    },
    databaseHooks: {
      user: { create: { before: async (user) => (await admits(env.DB, settings, user.email)) && undefined } },
      account: {
        create: {
          before: async () => ({ data: noTokens }),
          after: async ({ providerId, userId }) => {
            if (providerId === "credential") return;
            const { email, name, ways } = await personOf(env.DB, userId);
            await recordOwn(env.DB, { actor: email, nowMs: Date.now() }, { action: "person.link", subject: email, detail: { provider: providerId } });
            const what = `An account at ${providerNames[providerId as ProviderName]} opens your account on Forge now.`;
            if (ways > 1 && canMail(env, settings)) waitUntil(sendMail(env, settings, changeMail({ to: email, name, what })));
          },
        },
        update: { before: async () => ({ data: noTokens }) },
      },
    },
    emailVerification: { sendOnSignUp: false, sendOnSignIn: false },
    advanced: {
      useSecureCookies: false,
      cookies: { session_token: { name: sessionCookie } },
      cookiePrefix: "__Host-forge",
      defaultCookieAttributes: { secure: true, httpOnly: true, sameSite: "lax", path: "/" },
      ipAddress: { ipAddressHeaders: ["cf-connecting-ip"] },
      backgroundTasks: { handler: waitUntil },
    },
  } satisfies BetterAuthOptions;
}

export type Auth = Awaited<ReturnType<typeof authOf>>;

/** For one request: nothing of it outlives the request that made it. */
export const authOf = async (env: Cloudflare.Env, settings: Settings, origin: string, listeners?: Listeners) => betterAuth(await authOptions(env, settings, origin, listeners));
