/** What those who run the gateway see and change, and that nobody else does. */
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { newEmail, newMember, newOperator, newPerson, quickPerson } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });

const rows = async (sql: string, ...values: string[]) => (await env.DB.prepare(sql).bind(...values).all()).results;
const locationOf = (response: Response): string => `${response.status} ${response.headers.get("location")}`;

test("who is named in DASHBOARD_OPERATORS with an address that is proved, and nobody else", async () => {
  const operator = await newOperator();
  expect((await operator.get("/operator/applications")).status).toBe(200);
  expect(locationOf(await operator.get("/welcome"))).toBe("303 /dashboard/operator");
  await env.DB.prepare("UPDATE people SET email_verified = 0 WHERE email = ?").bind(operator.email).run();
  expect(locationOf(await operator.get("/operator/applications")), "an address that is not proved is nobody's").toMatch(/^303 \/dashboard\/sign-in/);
  const like = newEmail();
  const person = await quickPerson(newEmail(), { DASHBOARD_OPERATORS: like });
  expect([(await person.get("/operator/applications")).status, (await (await person.get("/welcome")).text()).includes("Operator")]).toEqual([404, false]);
  const owner = await newMember("owner");
  expect((await (await owner.get("/operator")).text()).replaceAll("/operator", "/nowhere"), "as what is not there").toBe(await (await owner.get("/nowhere")).text());
  expect((await owner.post("/operator/applications", { email: owner.email, state: "approved" })).status).toBe(404);
});

test("an application is decided once, heard of by e-mail, and stands in the audit trail", async () => {
  const settings = { DASHBOARD_SIGN_UP: "approval" };
  const [operator, one] = [await newOperator(settings), await newPerson(newEmail(), settings)];
  await one.post("/apply", { reason: "Trying <b>engines</b> out." });
  expect(await (await operator.get("/operator/applications")).text()).toContain("Trying &lt;b&gt;engines&lt;/b&gt; out.");
  expect(locationOf(await operator.post("/operator/applications", { email: one.email, state: "approved" }))).toBe("303 /dashboard/operator/applications");
  await operator.post("/operator/applications", { email: one.email, state: "approved" });
  expect(operator.mails.map(({ to, text }) => [to, text.includes("https://forge.example/dashboard")])).toEqual([[one.email, true]]);
  expect(await rows("SELECT actor, action FROM audit_events WHERE subject = ?", one.email)).toEqual([{ actor: operator.email, action: "application.decide" }]);
  expect(await (await one.get("/welcome")).text()).toContain("Name your organisation");
  await operator.post("/operator/applications", { email: one.email, state: "declined" });
  expect(await (await one.get("/welcome")).text()).toContain("Your application was declined");
  expect((await operator.post("/operator/applications", { email: newEmail(), state: "approved" })).status).toBe(404);
});
