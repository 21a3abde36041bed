/** Vars and secrets of a gateway on this machine: what it may know of the environment, and secrets it makes up itself. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { parseSettings, settingsSchema } from "../src/env.ts";
import { providers } from "../src/providers/index.ts";
import { envName } from "../src/providers/provider.ts";

declare global {
  namespace Cloudflare {
    /** Bindings are the Worker's business; scripts only know vars. */
    interface Env {}
  }
}

export type Vars = Record<string, string>;

/** The secrets that Forge itself needs, whatever providers it has. */
export const ownSecrets = ["KEY_PEPPER", "ADMIN_SECRET", "CREDENTIALS_SECRET"] as const;

/** Names that say where a provider is or open it. */
const providerNames = providers.flatMap(({ id }) => [envName(id, "API_KEY"), envName(id, "BASE_URL")]);

/** Names that a provider's base URL is completed with: `{CLOUDFLARE_ACCOUNT_ID}`. */
const placeholders = providers.flatMap(({ baseUrl }) => [...(baseUrl ?? "").matchAll(/\{([A-Z_]+)\}/g)].map((match) => match[1]!));

/** Every name that the Worker reads; nothing else of a process's environment may reach it. */
export const knownNames: ReadonlySet<string> = new Set([...Object.keys(settingsSchema.shape), ...providerNames, ...placeholders]);

/** The known names of `environment` that have a value, and over them everything in `.dev.vars`. */
export function ownVars(environment: Readonly<Record<string, string | undefined>>, devVars: Vars): Vars {
  const vars: Vars = {};
  for (const name of knownNames) if (environment[name]) vars[name] = environment[name];
  return { ...vars, ...devVars };
}

/** Throws an Error that names what is missing or wrong, as the Worker would. */
export const checkVars = (vars: Vars): void => void parseSettings(vars);

/** Whether these vars name anything that can answer: a provider's key or address, or the owner's own machines. */
export const hasProvider = (vars: Vars): boolean => [...providerNames, "SOVEREIGN_ORIGIN"].some((name) => vars[name]);

/** A dotenv file as vars; none when it does not exist. */
export function readVars(path: string): Vars {
  return existsSync(path) ? (parseEnv(readFileSync(path, "utf8")) as Vars) : {};
}

/** Forge's own secrets from a file that only its owner can read; made up once, when the file is not there. */
export function keptSecrets(path: string): Vars {
  if (!existsSync(path)) {
    const lines = ownSecrets.map((name) => `${name}=${randomBytes(32).toString("base64url")}`);
    writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600, flag: "wx" });
  }
  return readVars(path);
}
