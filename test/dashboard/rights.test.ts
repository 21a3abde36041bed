/** All roles × all routes, from the route table: a page joins this test by being there. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { roles, type Role } from "../../src/accounts/members.ts";
import { may, rights, type Right } from "../../src/dashboard/rights.ts";
import { table } from "../../src/dashboard/table.ts";
import { Browser, newMember, newOperator, quickPerson } from "./stage.ts";

type Visitor = "stranger" | "nobody's member" | "operator" | Role;
const visitors: Visitor[] = ["stranger", "nobody's member", "operator", ...roles];
const browsers = new Map<Visitor, Browser>();

beforeAll(async () => {
  browsers.set("stranger", new Browser()).set("nobody's member", await quickPerson()).set("operator", await newOperator());
  for (const role of roles) browsers.set(role, await newMember(role));
});
afterAll(() => browsers.clear());

/** What the guard makes of a visit. */
type Outcome = "in" | "sign in first" | "no organisation" | "not permitted" | "not there";

function expected(visitor: Visitor, access: (typeof table)[number]["may"]): Outcome {
  if (access === "anyone") return "in";
  if (visitor === "stranger") return "sign in first";
  if (access === "person") return "in";
  if (access === "operator") return visitor === "operator" ? "in" : "not there";
  if (visitor === "nobody's member" || visitor === "operator") return "no organisation";
  return may(visitor, access) ? "in" : "not permitted";
}

const refused = "which does not allow this";

async function outcomeOf(response: Response): Promise<Outcome> {
  const location = response.headers.get("location") ?? "";
  if (response.status === 303 && /^\/dashboard\/sign-in(\?next=|$)/.test(location)) return "sign in first";
  if (response.status === 303 && location === "/dashboard/welcome") return "no organisation";
  if (response.status === 403 && (await response.text()).includes(refused)) return "not permitted";
  if (response.status === 404 && (await response.text()).includes("There is no such page.")) return "not there";
  return "in";
}

/** These lead to where the guard leads too, of their own. */
const ownWay = new Set(["POST /sign-out", "POST /apply", "POST /sign-in/with/:provider", "GET /auth/callback/:provider"]);

describe.each(table.map((entry) => [`${entry.method} ${entry.path || "/"}`, entry] as const))("%s", (name, { method, path, may: access }) => {
  test.each(visitors)("%s", async (visitor) => {
    const wanted = expected(visitor, access);
    // Whoever signs out, or is led on, is not the one to ask here: who is refused is.
    if (wanted === "in" && ownWay.has(name)) return;
    const browser = browsers.get(visitor)!;
    const real = path.replace(/:\w+/g, "none");
    expect(await outcomeOf(await (method === "GET" ? browser.get(real) : browser.post(real)))).toBe(wanted);
  });
});

test("no route is there twice, and every right is somebody's", () => {
  const names = table.map(({ method, path }) => `${method} ${path}`);
  expect(new Set(names).size).toBe(names.length);
  for (const right of Object.keys(rights) as Right[]) expect(may("owner", right), right).toBe(true);
});
