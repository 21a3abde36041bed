/**
 * Passwords at rest: scrypt by the runtime itself (node:crypto), with parameters that OWASP counts as equal to its first choice and
 * that leave an isolate its memory (16 MB). `scrypt$N$r$p$salt$hash`, so that parameters can grow.
 */
import { scrypt } from "node:crypto";

declare module "node:crypto" {
  function scrypt(
    password: string, salt: Uint8Array, bytes: number, options: { N: number; r: number; p: number; maxmem: number },
    done: (error: Error | null, key: Uint8Array) => void,
  ): void;
}

type Cost = { N: number; r: number; p: number };

const now: Cost = { N: 2 ** 14, r: 8, p: 5 };
const keyBytes = 32;

const derived = (password: string, salt: Uint8Array, { N, r, p }: Cost): Promise<Uint8Array> =>
  new Promise((done, failed) => scrypt(password.normalize("NFKC"), salt, keyBytes, { N, r, p, maxmem: 256 * N * r }, (error, key) => (error ? failed(error) : done(key))));

/** Hashes a password for its row. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const key = new Uint8Array(await derived(password, salt, now));
  return ["scrypt", now.N, now.r, now.p, salt.toHex(), key.toHex()].join("$");
}

/** Whether this is the password of that row. */
export async function verifyPassword({ hash, password }: { hash: string; password: string }): Promise<boolean> {
  const [scheme, N, r, p, salt = "", key = ""] = hash.split("$");
  if (scheme !== "scrypt" || key.length !== 2 * keyBytes) return false;
  const found = await derived(password, Uint8Array.fromHex(salt), { N: Number(N), r: Number(r), p: Number(p) });
  return crypto.subtle.timingSafeEqual(found, Uint8Array.fromHex(key));
}
