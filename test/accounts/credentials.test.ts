import { expect, test } from "vitest";
import { openCredential, sealCredential } from "../../src/accounts/credentials.ts";

const master = "master-secret-of-at-least-32-characters";
const owner = { organisationId: "org_a", provider: "openai" };

test("what is sealed opens again", async () => {
  const secret = "sk-live-Zürich-🔑";
  const sealed = await sealCredential(master, owner, secret);
  expect(JSON.stringify(sealed)).not.toContain("sk-live");
  expect(await openCredential(master, owner, sealed)).toBe(secret);
});

test("the same secret never looks the same twice", async () => {
  const [one, two] = await Promise.all([sealCredential(master, owner, "same"), sealCredential(master, owner, "same")]);
  expect(one.iv).not.toBe(two.iv);
  expect(one.ciphertext).not.toBe(two.ciphertext);
});

test.each([
  ["another organisation", { ...owner, organisationId: "org_b" }, master],
  ["another provider", { ...owner, provider: "anthropic" }, master],
  ["another master secret", owner, "another-secret-of-at-least-32-characters"],
])("does not open for %s", async (_, stranger, secret) => {
  const sealed = await sealCredential(master, owner, "sk-live");
  await expect(openCredential(secret, stranger, sealed)).rejects.toThrow("cannot be opened");
});

test("does not open when a bit was changed", async () => {
  const sealed = await sealCredential(master, owner, "sk-live");
  const bytes = Uint8Array.fromBase64(sealed.ciphertext);
  bytes[0]! ^= 1;
  await expect(openCredential(master, owner, { ...sealed, ciphertext: bytes.toBase64() })).rejects.toThrow("cannot be opened");
});

/** Made with Node's crypto: hkdfSync(sha256, master, salt org_a, byok/v1), aes-256-gcm with AAD org_a|openai. */
test("opens what another implementation sealed", async () => {
  const sealed = { iv: "BwcHBwcHBwcHBwcH", ciphertext: "Rt29YgQEOnZFtS8uGpcT54Z8XAEAQELl3zWKTjfW" };
  expect(await openCredential(master, owner, sealed)).toBe("sk-live-vector");
});
