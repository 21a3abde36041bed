import { describe, expect, test } from "vitest";
import { parseSettings } from "../src/env.ts";

const good = { KEY_PEPPER: "p".repeat(32), ADMIN_SECRET: "a".repeat(32), CREDENTIALS_SECRET: "c".repeat(32) };
const parse = (over: Record<string, unknown> = {}) => parseSettings({ ...good, ...over } as unknown as Cloudflare.Env);
const complaint = (over: Record<string, unknown>): string => {
  try {
    parse(over);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("the environment is good");
};

describe("a good environment", () => {
  test("needs three secrets and nothing else", () => {
    expect(parse()).toMatchObject({
      KEY_PREFIX: "sk-forge-", SOVEREIGN_ORIGIN: "", ALLOW_PRIVATE_UPSTREAMS: false,
      UPSTREAM_HEADERS_TIMEOUT_MS: 600_000, STREAM_IDLE_TIMEOUT_MS: 120_000, STREAM_HEARTBEAT_MS: 15_000, DRAIN_TIMEOUT_MS: 25_000,
    });
  });
  test("turns texts into what they mean", () => {
    expect(parse({ ALLOW_PRIVATE_UPSTREAMS: "true", STREAM_HEARTBEAT_MS: "500", KEY_PREFIX: "fl_sk_live_" })).toMatchObject({ ALLOW_PRIVATE_UPSTREAMS: true, STREAM_HEARTBEAT_MS: 500, KEY_PREFIX: "fl_sk_live_" });
  });
  test("has Stripe's two secrets, or neither", () => {
    expect(parse()).toMatchObject({ STRIPE_SECRET_KEY: "", STRIPE_WEBHOOK_SECRET: "" });
    for (const key of ["sk_live_a1B2", "rk_test_a1B2", "sk_org_live_a1B2"]) expect(parse({ STRIPE_SECRET_KEY: key, STRIPE_WEBHOOK_SECRET: "whsec_abc+/=" })).toMatchObject({ STRIPE_SECRET_KEY: key });
    expect(complaint({ STRIPE_SECRET_KEY: "sk_test_alone" })).toBe("Bad environment. STRIPE_WEBHOOK_SECRET: goes with STRIPE_SECRET_KEY: set both or neither");
  });
  test("keeps what providers read for themselves", () => {
    expect(parse({ GROQ_API_KEY: "gsk", DB: { binding: 1 } })).toMatchObject({ GROQ_API_KEY: "gsk", DB: { binding: 1 } });
  });
});

describe("a bad environment names the var", () => {
  const canary = "canary-value-0123456789";
  test.each<[string, unknown]>([
    ["KEY_PEPPER", undefined], ["KEY_PEPPER", ""], ["KEY_PEPPER", canary], ["KEY_PEPPER", 7],
    ["ADMIN_SECRET", undefined], ["ADMIN_SECRET", canary], ["CREDENTIALS_SECRET", undefined], ["CREDENTIALS_SECRET", canary], ["CREDENTIALS_SECRET", { canary }],
    ["KEY_PREFIX", ""], ["KEY_PREFIX", canary], ["KEY_PREFIX", "1-"], ["KEY_PREFIX", `${"x".repeat(40)}-`], ["KEY_PREFIX", "sk -"],
    ["ALLOW_PRIVATE_UPSTREAMS", canary], ["ALLOW_PRIVATE_UPSTREAMS", "1"], ["ALLOW_PRIVATE_UPSTREAMS", "TRUE"], ["ALLOW_PRIVATE_UPSTREAMS", ""],
    ["UPSTREAM_HEADERS_TIMEOUT_MS", canary], ["UPSTREAM_HEADERS_TIMEOUT_MS", ""], ["STREAM_IDLE_TIMEOUT_MS", "0"], ["STREAM_IDLE_TIMEOUT_MS", "-1"], ["STREAM_HEARTBEAT_MS", "1.5"], ["STREAM_HEARTBEAT_MS", "1e999"],
    ["SOVEREIGN_ORIGIN", 7], ["STRIPE_SECRET_KEY", canary], ["STRIPE_SECRET_KEY", "pk_live_abc"], ["STRIPE_WEBHOOK_SECRET", canary], ["STRIPE_WEBHOOK_SECRET", "whsec_alone"],
  ])("%s = %j", (name, value) => {
    const message = complaint({ [name]: value });
    expect(message).toMatch(new RegExp(`^Bad environment\\. ${name}: \\S`));
    expect(message).not.toContain(canary);
    for (const secret of Object.values(good)) expect(message).not.toContain(secret);
  });

  test("and all of them at once", () => {
    expect(complaint({ KEY_PEPPER: undefined, ADMIN_SECRET: "short", STREAM_HEARTBEAT_MS: "x" })).toMatch(/^Bad environment\. KEY_PEPPER: [^;]+; ADMIN_SECRET: [^;]+; STREAM_HEARTBEAT_MS: [^;]+$/);
  });
});
