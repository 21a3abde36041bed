/** GitHub and Google as a browser and the Worker meet them: where to allow it, the token for a code, who it is. They hold to their own rules. */
export type Identity = { subject: string; name?: string; email: string | null; verified: boolean };
export const settings = { GITHUB_CLIENT_ID: "github-client", GITHUB_CLIENT_SECRET: "github-secret", GOOGLE_CLIENT_ID: "google-client", GOOGLE_CLIENT_SECRET: "google-secret" };
export type ProviderName = "github" | "google";

type Grant = { identity: Identity; challenge: string | null; redirectUri: string; clientId: string };
const grants = new Map<string, Grant>();
const tokens = new Map<string, Identity>();

const base64url = (bytes: ArrayBuffer | Uint8Array): string => btoa(String.fromCharCode(...new Uint8Array(bytes as ArrayBuffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const encoded = (value: unknown): string => base64url(new TextEncoder().encode(JSON.stringify(value)));
const subjectNumber = (subject: string): number => [...subject].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_000_007, 7);

async function token(request: Request, secret: string): Promise<Response> {
  const form = new URLSearchParams(new TextDecoder().decode(await request.arrayBuffer()));
  const grant = grants.get(form.get("code") ?? "");
  grants.delete(form.get("code") ?? "");
  const verifier = form.get("code_verifier");
  const proof = verifier && base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const basic = request.headers.get("authorization");
  const [clientId, clientSecret] = basic ? atob(basic.replace("Basic ", "")).split(":").map(decodeURIComponent) : [form.get("client_id"), form.get("client_secret")];
  const isTheirs = grant && clientId === grant.clientId && clientSecret === secret && form.get("redirect_uri") === grant.redirectUri && (!grant.challenge || proof === grant.challenge);
  // GitHub says so with a status of 200.
  if (!isTheirs) return Response.json({ error: "bad_verification_code", error_description: "The code passed is incorrect or expired." });
  const access_token = `token-canary-${crypto.randomUUID()}`;
  tokens.set(access_token, grant.identity);
  const { subject, name, email, verified } = grant.identity;
  const claims = { iss: "https://accounts.google.com", aud: grant.clientId, sub: subject, name, email, email_verified: verified, iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 3600 };
  return Response.json({ access_token, token_type: "bearer", scope: "read:user,user:email", ...(secret === settings.GOOGLE_CLIENT_SECRET && { id_token: `${encoded({ alg: "RS256", kid: "1" })}.${encoded(claims)}.signature`, refresh_token: `refresh-canary-${subject}` }) });
}

function asked(request: Request): Identity | undefined {
  return tokens.get((request.headers.get("authorization") ?? "").replace(/^Bearer /i, ""));
}

const places: Record<string, (request: Request) => Response | Promise<Response>> = {
  "https://github.com/login/oauth/access_token": (request) => token(request, settings.GITHUB_CLIENT_SECRET),
  "https://oauth2.googleapis.com/token": (request) => token(request, settings.GOOGLE_CLIENT_SECRET),
  "https://api.github.com/user": (request) => {
    const identity = asked(request);
    return identity ? Response.json({ id: subjectNumber(identity.subject), login: identity.subject, name: identity.name ?? null, email: null, avatar_url: "https://avatars.githubusercontent.com/u/1" }) : new Response("{}", { status: 401 });
  },
  "https://api.github.com/user/emails": (request) => {
    const identity = asked(request);
    if (!identity) return new Response("{}", { status: 401 });
    return Response.json(identity.email === null ? [] : [{ email: "other@example.net", primary: false, verified: true, visibility: null }, { email: identity.email, primary: true, verified: identity.verified, visibility: null }]);
  },
};

/** Answers as GitHub and Google do; anything else is not there. */
export const answer = async (request: Request): Promise<Response> => (await places[request.url.split("?")[0]!]?.(request)) ?? new Response(`nothing is at ${request.url}`, { status: 599 });

/** What a person does at `url`, the page that asks whether they allow it. Returns where they are sent. */
export function allow(url: string, identity: Identity): string {
  const asks = new URL(url);
  const redirectUri = asks.searchParams.get("redirect_uri")!;
  const code = crypto.randomUUID();
  grants.set(code, { identity, challenge: asks.searchParams.get("code_challenge"), redirectUri, clientId: asks.searchParams.get("client_id")! });
  return `${redirectUri}?${new URLSearchParams({ code, state: asks.searchParams.get("state")! })}`;
}
