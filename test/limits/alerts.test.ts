/** What a budget has come to is told, once, to whoever wants to hear it: with the real object, whatever breaks in between. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { alertSecret, putAlertTargets, rotateAlertSecret } from "../../src/accounts/alert-targets.ts";
import { signedBy } from "../../src/accounts/webhook-secret.ts";
import { budgetOf, openOrganisation, type Organisation } from "./account-stage.ts";
import { noon } from "./stage.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(noon));
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const url = "https://hooks.example/forge";
const master = (env as unknown as Record<string, string>).CREDENTIALS_SECRET!;
const by = () => ({ actor: "test", nowMs: Date.now() });
type Call = { url: string; body: string; headers: Headers };

/** An organisation with an owner, an admin and a webhook, in D1 too, and what it is told. */
async function stage(soft: number[], window = { of: "month" as const, rolling: false }, amount = 1_000) {
  const organisation = await openOrganisation([budgetOf(amount, { id: "budget:all", name: "month's budget of organisation", window, soft })], 2);
  const { id } = organisation;
  const member = (email: string, role: string) => env.DB.prepare("INSERT INTO members (organisation_id, email, role, created_at) VALUES (?, ?, ?, 1)").bind(id, email, role);
  await env.DB.batch([env.DB.prepare("INSERT INTO organisations (id, name, created_at) VALUES (?, 'Engines <&>', 1)").bind(id), member(`owner@${id}.example`, "owner"), member(`admin@${id}.example`, "admin")]);
  await putAlertTargets(env.DB, by(), id, { roles: ["owner"], webhookUrl: url });
  const calls: Call[] = [];
  const mails: { to: string; subject: string; text: string; html: string }[] = [];
  const play = { webhook: (): Response | Promise<Response> => new Response(null, { status: 204 }), mail: (): void => {} };
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as RequestInfo, init as RequestInit);
    calls.push({ url: request.url, headers: request.headers, body: await request.text() });
    return play.webhook();
  });
  const sender = { send: async (mail: (typeof mails)[number]) => {
    play.mail();
    mails.push(mail);
  } };
  /** Its alarm rings, with a way for e-mails. */
  const ring = async (): Promise<void> => {
    await runInDurableObject(organisation.account, (instance) => void Object.assign((instance as unknown as { env: object }).env, { EMAIL: sender, DASHBOARD_MAIL_FROM: "forge@example.com" }));
    await runDurableObjectAlarm(organisation.account);
  };
  return { ...organisation, calls, mails, play, ring };
}

let named = 0;
/** One key spends, and says so. */
async function spend({ keys }: Pick<Organisation, "keys">, nanoUsd: number, key = 0): Promise<void> {
  const id = `spent${(named += 1)}`;
  expect((await keys[key]!.reserve(id, { nanoUsd })).is).toBe("granted");
  await keys[key]!.settle(id, { nanoUsd });
  await runDurableObjectAlarm(keys[key]!.stub);
}

const shares = (calls: readonly Call[]): number[] => calls.map(({ body }) => (JSON.parse(body) as { data: { share: number } }).data.share);

describe("a threshold", () => {
  test("is told by e-mail and by a signed call when it is spent, and not when it is only held; once in its period", async () => {
    const one = await stage([0.5, 0.8]);
    expect((await one.keys[0]!.reserve("held", { nanoUsd: 900 })).is).toBe("granted");
    await one.ring();
    expect([one.calls, one.mails]).toEqual([[], []]);
    await one.keys[0]!.settle("held", { nanoUsd: 490 });
    await spend(one, 20);
    await one.ring();
    await one.ring();
    await spend(one, 20, 1);
    await one.ring();
    expect(one.mails.map(({ to, subject }) => [to, subject])).toEqual([[`owner@${one.id}.example`, "50 % of the month's budget of organisation is spent (Engines <&>)"]]);
    expect(one.mails[0]!.html).toContain("Engines &#60;&#38;&#62;");
    const { body, headers, url: called } = one.calls[0]!;
    expect([one.calls.length, called]).toEqual([1, url]);
    expect(JSON.parse(body)).toEqual({
      id: expect.stringContaining(one.id), type: "budget.alert", created_at: expect.any(String), organisation: one.id,
      data: { budget: "budget:all", name: "month's budget of organisation", unit: "nano_usd", share: 0.5, spent: 510, limit: 1_000, period_start: expect.stringMatching(/-01T00:00:00\.000Z$/), period_end: expect.stringMatching(/-01T00:00:00\.000Z$/) },
    });
    expect(headers.get("x-forge-idempotency-key")).toBe((JSON.parse(body) as { id: string }).id);
    const t = /^t=(\d+),v1=/.exec(headers.get("x-forge-signature")!)![1];
    expect(headers.get("x-forge-signature")).toBe(`t=${t},v1=${await signedBy(await alertSecret(master, one.id, 1), `${t},${body}`)}`);
    expect((await env.DB.prepare("SELECT count(*) AS n FROM events WHERE organisation_id = ? AND kind = 'budget.alert'").bind(one.id).first())!.n).toBe(1);

    await spend(one, 300);
    await one.ring();
    expect(shares(one.calls)).toEqual([0.5, 0.8]);
    vi.setSystemTime(noon + 40 * 86_400_000);
    await spend(one, 600);
    await one.ring();
    expect(shares(one.calls), "in the next period again").toEqual([0.5, 0.8, 0.5]);
  });

  test("of several that are passed at once only the highest is told", async () => {
    const one = await stage([0.2, 0.5, 0.9]);
    await spend(one, 950);
    await one.ring();
    expect(shares(one.calls)).toEqual([0.9]);
  });

  test("the whole of it is told when a request is refused for it, or all is spent", async () => {
    const one = await stage([0.5, 1]);
    await spend(one, 990);
    expect((await one.keys[1]!.reserve("more", { nanoUsd: 20 })).is).toBe("refused");
    await one.ring();
    expect([shares(one.calls), one.mails.map(({ subject }) => subject)]).toEqual([[1], ["The month's budget of organisation is used up (Engines <&>)"]]);
    expect(one.mails[0]!.text).toContain("Requests that need more than is left are refused");
  });

  test("is told anew once the budget is larger and is spent again; a rolling one once in its window", async () => {
    const one = await stage([0.5]);
    await spend(one, 600);
    await one.ring();
    await one.adopt([budgetOf(2_000, { id: "budget:all", name: "b", window: { of: "month", rolling: false }, soft: [0.5] })]);
    await spend(one, 100);
    await one.ring();
    expect(shares(one.calls)).toEqual([0.5]);
    await spend(one, 400);
    await one.ring();
    expect(shares(one.calls)).toEqual([0.5, 0.5]);

    const rolling = await stage([0.5], { of: "day", rolling: true } as never);
    for (let hour = 0; hour < 4; hour += 1) {
      vi.setSystemTime(noon + hour * 3_600_000);
      await spend(rolling, hour === 0 ? 600 : 1);
      await rolling.ring();
    }
    expect(shares(rolling.calls)).toEqual([0.5]);
  });
});

describe("whatever breaks", () => {
  test("who has not heard is told again, and who has is not", async () => {
    const one = await stage([0.5]);
    one.play.webhook = () => new Response(null, { status: 500 });
    await spend(one, 600);
    await one.ring();
    expect([one.calls.length, one.mails.length]).toEqual([1, 1]);
    await evictDurableObject(one.account);
    one.play.webhook = () => Promise.reject(new Error("connection reset"));
    vi.setSystemTime(noon + 60_000);
    await one.ring();
    one.play.webhook = () => new Response(null, { status: 200 });
    vi.setSystemTime(noon + 240_000);
    await one.ring();
    vi.setSystemTime(noon + 86_400_000);
    await one.ring();
    expect([one.calls.length, one.mails.length]).toEqual([3, 1]);
    expect(new Set(one.calls.map(({ headers }) => headers.get("x-forge-idempotency-key"))).size, "under one name").toBe(1);
  });

  test("an e-mail that could not be sent, and a database that is away, are tried again; nobody is called for ever", async () => {
    const one = await stage([0.5]);
    one.play.mail = () => {
      throw new Error("no");
    };
    one.play.webhook = () => new Response(null, { status: 503 });
    await spend(one, 600);
    for (let i = 0; i < 30; i += 1) {
      vi.setSystemTime(noon + i * 7 * 3_600_000);
      await one.ring();
    }
    expect([one.calls.length, one.mails.length]).toEqual([8, 0]);

    const other = await stage([0.5]);
    await spend(other, 600);
    await runInDurableObject(other.account, async (instance) => {
      const held = (instance as unknown as { env: Record<string, unknown> }).env;
      const { DB } = held;
      held.DB = { prepare: () => { throw new Error("D1 is away"); }, batch: () => { throw new Error("D1 is away"); } };
      await instance.alarm();
      held.DB = DB;
    });
    expect(other.calls).toEqual([]);
    vi.setSystemTime(Date.now() + 120_000);
    await other.ring();
    expect([other.calls.length, other.mails.length]).toEqual([1, 1]);
  });

  test("a secret that was changed signs beside the one before, for a day", async () => {
    const one = await stage([0.2, 0.4]);
    await rotateAlertSecret(env.DB, by(), one.id);
    await spend(one, 250);
    await one.ring();
    vi.setSystemTime(noon + 2 * 86_400_000);
    await spend(one, 250);
    await one.ring();
    const signers = await Promise.all(one.calls.map(async ({ headers, body }) => {
      const [t, ...given] = headers.get("x-forge-signature")!.split(",").map((part) => part.split("=")[1]!);
      const made = await Promise.all([1, 2].map(async (version) => signedBy(await alertSecret(master, one.id, version), `${t},${body}`)));
      return given.map((signature) => made.indexOf(signature) + 1);
    }));
    expect(signers).toEqual([[2, 1], [2]]);
  });
});
