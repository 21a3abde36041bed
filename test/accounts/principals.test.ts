import { describe, expect, test } from "vitest";
import { mintSecret } from "../../src/accounts/api-key.ts";
import type { Principal } from "../../src/accounts/policy.ts";
import { Principals } from "../../src/accounts/principals.ts";
import type { PrincipalSource, Refused } from "../../src/accounts/read-principal.ts";

const secret = mintSecret("sk-forge-");
const principal: Principal = {
  keyId: "key_1", keyName: "one", organisationId: "org_1", version: 1, limits: { requestsPerMinute: 600 }, models: undefined,
  sovereign: false, usageScope: "key", expiresAtMs: undefined, credentials: new Map(),
};

/** Principals over a source that answers what the test says, and counts. */
function stage(capacity?: number) {
  const answer: { now: Principal | Refused | Error } = { now: principal };
  const asked: string[] = [];
  const source: PrincipalSource = async (text) => {
    asked.push(text);
    if (answer.now instanceof Error) throw answer.now;
    return answer.now;
  };
  const background: Promise<unknown>[] = [];
  const waitUntil = (promise: Promise<unknown>) => void background.push(promise);
  return { principals: new Principals(source, capacity), answer, asked, background, waitUntil };
}

describe("a warm key", () => {
  test("needs no second query, and no promise", async () => {
    const { principals, asked, background, waitUntil } = stage();
    expect(principals.cached(secret, 0, waitUntil)).toBeUndefined();
    await principals.find(secret, 0);
    expect(principals.cached(secret, 59_999, waitUntil)).toBe(principal);
    expect(await principals.find(secret, 59_999)).toBe(principal);
    expect(asked).toHaveLength(1);
    expect(background).toHaveLength(0);
  });

  test("is served stale while exactly one refresh runs", async () => {
    const { principals, answer, asked, background, waitUntil } = stage();
    await principals.find(secret, 0);
    const newer = { ...principal, version: 2 };
    answer.now = newer;
    for (let i = 0; i < 100; i++) expect(principals.cached(secret, 60_000, waitUntil)).toBe(principal);
    expect(background).toHaveLength(1);
    await Promise.all(background);
    expect(principals.cached(secret, 60_001, waitUntil)).toBe(newer);
    expect(asked).toHaveLength(2);
  });

  test("stays when the refresh fails, and is tried again", async () => {
    const { principals, answer, background, waitUntil } = stage();
    await principals.find(secret, 0);
    answer.now = new Error("D1 is away");
    principals.cached(secret, 60_000, waitUntil);
    await Promise.all(background);
    expect(principals.cached(secret, 60_001, waitUntil)).toBe(principal);
    expect(background).toHaveLength(1);
    expect(principals.cached(secret, 70_000, waitUntil)).toBe(principal);
    expect(background).toHaveLength(2);
    await Promise.all(background);
  });

  test("is tried again when the request that ran the refresh has died", async () => {
    const { principals, background, waitUntil } = stage();
    await principals.find(secret, 0);
    principals.cached(secret, 60_000, () => {});
    principals.cached(secret, 69_999, waitUntil);
    expect(background).toHaveLength(0);
    principals.cached(secret, 70_000, waitUntil);
    expect(background).toHaveLength(1);
    await Promise.all(background);
  });

  test("is gone once a refresh finds it revoked", async () => {
    const { principals, answer, background, waitUntil } = stage();
    await principals.find(secret, 0);
    answer.now = { refused: "key_revoked" };
    principals.cached(secret, 60_000, waitUntil);
    await Promise.all(background);
    expect(principals.cached(secret, 60_001, waitUntil)).toBeUndefined();
    await expect(principals.find(secret, 60_001)).rejects.toMatchObject({ code: "key_revoked" });
  });

  test("ends by the clock, and an extended one is found", async () => {
    const { principals, answer, waitUntil } = stage();
    answer.now = { ...principal, expiresAtMs: 1000 };
    await principals.find(secret, 0);
    expect(principals.cached(secret, 999, waitUntil)).toBeDefined();
    expect(principals.cached(secret, 1000, waitUntil)).toBeUndefined();
    answer.now = { refused: "key_expired" };
    await expect(principals.find(secret, 1000)).rejects.toMatchObject({ code: "key_expired" });
    answer.now = { ...principal, version: 2, expiresAtMs: 90_000 };
    expect(await principals.find(secret, 11_000)).toMatchObject({ version: 2 });
  });
});

describe("reload", () => {
  test("bypasses the cache", async () => {
    const { principals, answer } = stage();
    await principals.find(secret, 0);
    answer.now = { refused: "key_revoked" };
    await expect(principals.reload(secret, 1)).rejects.toMatchObject({ code: "key_revoked", status: 401 });
    await expect(principals.find(secret, 2)).rejects.toMatchObject({ code: "key_revoked" });
  });

  test("asks once for a herd that names the stale version", async () => {
    const { principals, answer, asked } = stage();
    await principals.find(secret, 0);
    answer.now = { ...principal, version: 2 };
    for (let i = 0; i < 10; i++) expect((await principals.reload(secret, 1, 1)).version).toBe(2);
    expect(asked).toHaveLength(2);
  });

  test("a slow old read does not replace a newer one", async () => {
    const gates: ((found: Principal) => void)[] = [];
    const principals = new Principals(() => new Promise((resolve) => gates.push(resolve)));
    const [slow, fast] = [principals.find(secret, 0), principals.reload(secret, 1)];
    gates[1]!({ ...principal, version: 2 });
    await fast;
    gates[0]!(principal);
    expect((await slow).version).toBe(2);
    expect(principals.cached(secret, 2, () => {})!.version).toBe(2);
  });
});

describe("refusals", () => {
  test("nothing, garbage and the unknown", async () => {
    const { principals, answer, asked } = stage();
    answer.now = { refused: "invalid_api_key" };
    await expect(principals.find(undefined, 0)).rejects.toMatchObject({ code: "missing_api_key", status: 401 });
    const malformed = await principals.find(`${secret.slice(0, -1)}_`, 0).catch((error: Error) => error);
    expect(asked).toHaveLength(0);
    const unknown = await principals.find(secret, 0).catch((error: Error) => error);
    expect(unknown).toMatchObject({ code: "invalid_api_key", status: 401 });
    expect((malformed as Error).message).toBe((unknown as Error).message);
  });

  test("are remembered for ten seconds", async () => {
    const { principals, answer, asked } = stage();
    answer.now = { refused: "invalid_api_key" };
    await expect(principals.find(secret, 0)).rejects.toThrow();
    await expect(principals.find(secret, 9_999)).rejects.toMatchObject({ code: "invalid_api_key" });
    expect(asked).toHaveLength(1);
    answer.now = principal;
    expect(await principals.find(secret, 10_000)).toBe(principal);
  });

  test("a failing database is not a refusal", async () => {
    const { principals, answer } = stage();
    answer.now = new Error("D1 is away");
    await expect(principals.find(secret, 0)).rejects.toThrow("D1 is away");
    answer.now = principal;
    expect(await principals.find(secret, 0)).toBe(principal);
  });
});

describe("memory is bounded", () => {
  const secrets = Array.from({ length: 5 }, () => mintSecret("sk-forge-"));

  test("the key that was not used longest is forgotten", async () => {
    const { principals, waitUntil } = stage(4);
    for (const each of secrets.slice(0, 4)) await principals.find(each, 0);
    principals.cached(secrets[0]!, 1, waitUntil);
    await principals.find(secrets[4]!, 2);
    expect(secrets.map((each) => principals.cached(each, 3, waitUntil) !== undefined)).toEqual([true, false, true, true, true]);
  });

  test("a flood of unknown keys pushes out no good one", async () => {
    const { principals, answer, asked, waitUntil } = stage(4);
    await principals.find(secret, 0);
    answer.now = { refused: "invalid_api_key" };
    for (const each of secrets) await principals.find(each, 0).catch(() => {});
    expect(principals.cached(secret, 1, waitUntil)).toBe(principal);
    const before = asked.length;
    await principals.find(secrets[0]!, 1).catch(() => {});
    expect(asked.length - before).toBe(1);
  });
});
