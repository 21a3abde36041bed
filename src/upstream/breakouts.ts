/**
 * Ways out of the sandbox of a sovereign call, for the selftest to try. Each is an expression that runs in there, where `env`, `baseUrl`
 * (a URL) and the small functions of the module below are at hand. It resolves to what it got, and rejects when it was held.
 */
import { gateHeader } from "./sovereign-origin.ts";

/** What came of one way out. `blocked` only when it was refused: an attempt that failed otherwise was not held, only unlucky. */
export type Attempt = { readonly attempt: string; readonly blocked: boolean; readonly how: string };

/** The sandbox's entrypoint that tries these of the attempts below at this base URL. */
export type Breakouts = Rpc.WorkerEntrypointBranded & { run(names: string[], baseUrl: string): Promise<Attempt[]> };

/** With what every Worker has, whatever it is given. */
export const ambient: Readonly<Record<string, string>> = {
  "fetch of another host over https": `fetch("https://example.com/")`,
  "fetch of another host over http": `fetch("http://example.com/")`,
  "fetch of the metadata address": `fetch("http://169.254.169.254/latest/meta-data/")`,
  "fetch of the machine itself": `fetch("http://127.0.0.1/")`,
  "fetch of the origin past its binding": `fetch(baseUrl)`,
  "fetch that asks for a WebSocket": `fetch("https://example.com/", { headers: { upgrade: "websocket" } })`,
  "WebSocket": `opened(new WebSocket("wss://example.com/"))`,
  "EventSource": `opened(new EventSource("https://example.com/"))`,
  "connect() of cloudflare:sockets": `spoken((await module("cloudflare:sockets")).connect("example.com:80"))`,
  "connect() over TLS": `spoken((await module("cloudflare:sockets")).connect("example.com:443", { secureTransport: "on" }))`,
  "import of node:net": `module("node:net")`,
  "import of node:http": `module("node:http")`,
  "import of node:dns": `module("node:dns")`,
  "import of node:child_process": `module("node:child_process")`,
  "import of a URL": `module("https://example.com/module.js")`,
  "code made from text": `new Function("return 1")()`,
  "caches.default": `caches.default.put("https://example.com/", kept())`,
  "caches.open()": `caches.open("sovereign").then((cache) => cache.put("https://example.com/", kept()))`,
  "env of cloudflare:workers": `beyond(["ORIGIN"], (await module("cloudflare:workers")).env)`,
  "exports of cloudflare:workers": `beyond(["Breakouts", "default"], (await module("cloudflare:workers")).exports)`,
  "process.env": `beyond([], globalThis.process?.env)`,
};

/** With what the sandbox is given. */
export const throughOrigin: Readonly<Record<string, string>> = {
  "env of the sandbox": `beyond(["ORIGIN"], env)`,
  "ORIGIN: another host": `env.ORIGIN.fetch("https://example.com" + baseUrl.pathname + "/models")`,
  "ORIGIN: a host that begins as the origin does": `env.ORIGIN.fetch(baseUrl.protocol + "//" + baseUrl.hostname.replace(/\\W/g, "-") + ".example.com" + baseUrl.pathname)`,
  "ORIGIN: another port": `env.ORIGIN.fetch(changed({ port: baseUrl.port === "1" ? "2" : "1" }))`,
  "ORIGIN: another scheme": `env.ORIGIN.fetch(baseUrl.href.replace(/^https?/, baseUrl.protocol === "https:" ? "http" : "https"))`,
  "ORIGIN: the metadata address": `env.ORIGIN.fetch("http://169.254.169.254/latest/meta-data/")`,
  "ORIGIN: a path outside the base URL": `baseUrl.pathname === "/" ? held("the base URL is the whole host") : env.ORIGIN.fetch(changed({ pathname: baseUrl.pathname + "-outside" }))`,
  "ORIGIN: a path that steps up": `env.ORIGIN.fetch(baseUrl.href + "/..%2f..%2fadmin")`,
  "ORIGIN: its host as credentials of another": `env.ORIGIN.fetch(baseUrl.protocol + "//" + baseUrl.host + "@example.com" + baseUrl.pathname)`,
  "ORIGIN: another method": `env.ORIGIN.fetch(baseUrl.href, { method: "DELETE" })`,
  "ORIGIN: a WebSocket": `env.ORIGIN.fetch(baseUrl.href, { headers: { upgrade: "websocket" } })`,
  "ORIGIN: connect()": `spoken(env.ORIGIN.connect("example.com:80"))`,
  "ORIGIN: the gateway's environment": `env.ORIGIN.env`,
  "ORIGIN: the gateway's context": `env.ORIGIN.ctx`,
  "ORIGIN: a method of its own": `env.ORIGIN.reach({})`,
};

/** With an origin that answers with a redirect to another host. */
export const throughRedirect: Readonly<Record<string, string>> = {
  "ORIGIN: its redirect to another host, followed": `env.ORIGIN.fetch(baseUrl.href + "/models", { redirect: "follow" })`,
};

/** What is said by whoever holds something: the platform, the gate to the origin, or the attempt itself. */
const refusals = [
  /^This worker is not permitted to access the internet/, /^Not for the sovereign origin: /, /^Held: /, /^No such module/, /^No Cache was configured/,
  /^Code generation from strings disallowed/, /^The RPC receiver does not implement/,
];

const entries = (attempts: Readonly<Record<string, string>>): string => Object.entries(attempts).map(([name, code]) => `  ${JSON.stringify(name)}: async ({ env, baseUrl, changed }) => ${code},`).join("\n");

/** The module of the sandbox that tries. */
export const breakoutsModule = `
import { WorkerEntrypoint } from "cloudflare:workers";

const refusals = [${refusals.join(", ")}];
const patienceMs = 2000;

const held = (why) => { throw new Error("Held: " + why); };
const module = (name) => import(name);
const kept = () => new Response("x", { headers: { "cache-control": "max-age=60" } });
const beyond = (known, given) => {
  const more = Object.keys(given ?? {}).filter((key) => !known.includes(key));
  return more.length === 0 ? held("there is nothing in it but " + (known.join(", ") || "nothing")) : "has " + more.join(", ");
};
const opened = (channel) => new Promise((done, fail) => {
  channel.onopen = () => done("open");
  channel.onerror = ({ error, message }) => fail(error ?? new Error(message));
});
const spoken = async (socket) => {
  socket.writable.getWriter().write(new TextEncoder().encode("HEAD / HTTP/1.0\\r\\n\\r\\n")).catch(() => {});
  const { value } = await socket.readable.getReader().read();
  const said = new TextDecoder().decode(value);
  if (refusals.some((refusal) => refusal.test(said))) throw new Error(said);
  return value ? "was answered" : "was connected";
};

const attempts = {
${entries({ ...ambient, ...throughOrigin, ...throughRedirect })}
};

function what(got) {
  if (!(got instanceof Response)) return typeof got === "string" ? got : "got " + Object.prototype.toString.call(got);
  const why = got.headers.get("${gateHeader}");
  if (why !== null) throw new Error(why);
  return "answered " + got.status;
}

async function tried(attempt, at) {
  const late = Promise.withResolvers();
  const timer = setTimeout(() => late.resolve("no answer in " + patienceMs + " ms, and no refusal"), patienceMs);
  try {
    return { attempt, blocked: false, how: what(await Promise.race([attempts[attempt](at), late.promise])) };
  } catch (error) {
    const how = String(error?.message ?? error);
    return { attempt, blocked: refusals.some((refusal) => refusal.test(how)), how };
  } finally {
    clearTimeout(timer);
  }
}

export class Breakouts extends WorkerEntrypoint {
  run(names, baseUrl) {
    const changed = (parts) => Object.assign(new URL(baseUrl), parts).href;
    return Promise.all(names.map((name) => tried(name, { env: this.env, baseUrl: new URL(baseUrl), changed })));
  }
}
`;
