import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { app } from "../../src/app.ts";
import { createKey } from "../../src/accounts/keys.ts";
import { keyPolicySchema } from "../../src/accounts/policy.ts";
import { newMember, origin } from "./stage.ts";

const typeOf = (response: Response): string => response.headers.get("content-type")!.split(";")[0]!;

test("GET /dashboard/usage is JSON for a key and a page for a browser", async () => {
  const member = await newMember("viewer");
  const { secret } = await createKey(env.DB, { actor: "test", nowMs: Date.now() }, env.KEY_PEPPER, { organisationId: member.organisationId, name: "k", policy: keyPolicySchema.parse({}), expiresAtMs: null, prefix: "sk-forge-" });
  const asked = async (headers: Record<string, string>) => member.get("/usage", headers);
  expect(typeOf(await asked({}))).toBe("text/html");
  expect(typeOf(await asked({ authorization: `Bearer ${secret}` })), "a key wins over a cookie").toBe("application/json");
  expect(typeOf(await asked({ "x-api-key": secret }))).toBe("application/json");
  const program = await app.request(`${origin}/dashboard/usage`, {}, env);
  expect([program.status, typeOf(program)], "a program without a key is told so in JSON").toEqual([401, "application/json"]);
});
