import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fingerprintOf, openCredential, openerOf, sealCredential } from "../../src/accounts/credentials.ts";

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

describe("whatever the secret, the organisation and the provider", () => {
  const id = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$/);
  const masters = fc.tuple(fc.string({ minLength: 32, unit: "binary" }), fc.string({ minLength: 32, unit: "binary" })).filter(([one, two]) => one !== two);

  test("it opens for its owner under its master secret, and for nobody else and under no other", async () => {
    await fc.assert(fc.asyncProperty(masters, id, id, id, fc.string({ unit: "binary", maxLength: 300 }), async ([current, other], organisationId, provider, stranger, secret) => {
      const own = { organisationId, provider };
      const sealed = await sealCredential(current, own, secret);
      expect(await openCredential(current, own, sealed)).toBe(secret);
      await expect(openCredential(other, own, sealed)).rejects.toThrow("cannot be opened");
      for (const owner of [{ ...own, organisationId: stranger }, { ...own, provider: stranger }, { organisationId: provider, provider: organisationId }]) {
        if (owner.organisationId === organisationId && owner.provider === provider) continue;
        await expect(openCredential(current, owner, sealed)).rejects.toThrow("cannot be opened");
      }
    }), { numRuns: 60 });
  });

  test("no row shows anything of the secret or the master secret", async () => {
    const secrets = fc.stringMatching(/^[\x20-\x7e]{8,60}$/);
    await fc.assert(fc.asyncProperty(masters, id, id, secrets, async ([current], organisationId, provider, secret) => {
      const row = JSON.stringify(await sealCredential(current, { organisationId, provider }, secret));
      for (const text of [secret, current]) for (const form of [text, new TextEncoder().encode(text).toBase64(), JSON.stringify(text).slice(1, -1)]) expect(row).not.toContain(form);
    }), { numRuns: 60 });
  });
});

describe("a fingerprint", () => {
  test("is the same for the same master secret, another for another, and nothing of either", async () => {
    const seen = new Set<string>();
    const secrets = ["a".repeat(32), "a".repeat(33), `${"a".repeat(31)}b`, master, master.toUpperCase()];
    for (const secret of secrets) {
      const fingerprint = await fingerprintOf(secret);
      expect(fingerprint).toMatch(/^[0-9a-f]{16}$/);
      expect(await fingerprintOf(secret)).toBe(fingerprint);
      seen.add(fingerprint);
      const plain = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret))).toHex();
      expect([plain, new TextEncoder().encode(secret).toHex()].some((text) => text.includes(fingerprint))).toBe(false);
    }
    expect(seen.size).toBe(secrets.length);
  });

  /** Made with Node's crypto: hkdfSync(sha256, master, no salt, byok/v1 fingerprint), 8 bytes. */
  test("is what another implementation derives", async () => {
    expect(await fingerprintOf(master)).toBe("acb5638fd2112a06");
  });
});

describe("with two master secrets", () => {
  const previous = "the-secret-before-it-of-at-least-32-characters";
  const open = openerOf({ current: master, previous });

  test("rows of both open, with their fingerprint and without", async () => {
    for (const by of [master, previous]) {
      const { sealedBy, ...sealed } = await sealCredential(by, owner, `sealed by ${by}`);
      for (const row of [{ ...sealed, sealedBy }, sealed, { ...sealed, sealedBy: null }, { ...sealed, sealedBy: "0".repeat(16) }]) expect(await open(owner, row)).toBe(`sealed by ${by}`);
    }
  });

  test("rows of a third do not, nor does one that names the wrong one of the two", async () => {
    const third = await sealCredential("a-third-secret-that-is-32-characters-long", owner, "sk");
    for (const row of [third, { ...third, sealedBy: null }, { ...third, sealedBy: await fingerprintOf(master) }]) await expect(open(owner, row)).rejects.toThrow("cannot be opened");
    await expect(open(owner, { ...(await sealCredential(previous, owner, "sk")), sealedBy: await fingerprintOf(master) })).rejects.toThrow("cannot be opened");
  });

  test("without the previous one its rows do not open", async () => {
    const sealed = await sealCredential(previous, owner, "sk");
    for (const none of ["", undefined]) await expect(openerOf({ current: master, previous: none })(owner, sealed)).rejects.toThrow("cannot be opened");
  });
});
