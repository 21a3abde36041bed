/** The Worker in which a sovereign call runs: no network of its own, and nothing in its environment but the origin. */
import { breakoutsModule } from "./breakouts.ts";

/** All it does. */
const callModule = `
export { Breakouts } from "./breakouts.ts";
export default { fetch: (request, { ORIGIN }) => ORIGIN.fetch(request) };
`;

/** Without Node's modules: the less there is, the less there is to get out by. */
const code = {
  compatibilityDate: "2026-10-20",
  compatibilityFlags: ["enable_request_signal", "no_nodejs_compat", "no_nodejs_compat_v2"],
  mainModule: "call.js",
  modules: { "call.js": callModule, "breakouts.ts": { js: breakoutsModule } },
  globalOutbound: null,
};

/** A change to the sandbox must change this, or isolates may go on with the old one. A test holds it to the digest of its text. */
export const sandboxVersion = "46683612";

/** All of the sandbox but its origin, as text. */
export const sandboxText = JSON.stringify(code);

/** What the platform loads: a Worker that has this origin and nothing else. */
export const sandboxCode = (ORIGIN: Fetcher): WorkerLoaderWorkerCode => ({ ...code, env: { ORIGIN } });
