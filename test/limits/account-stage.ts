/** An organisation on a stage: its account, and keys whose objects draw on it. */
import { env } from "cloudflare:workers";
import type { AccountPool } from "../../src/accounts/budgets.ts";
import type { AccountStanding, MeterReply, OrgAccount } from "../../src/limits/index.ts";
import { openMeter, type Limits, type Meter } from "./stage.ts";

export type Organisation = {
  id: string;
  account: DurableObjectStub<OrgAccount>;
  keys: Meter[];
  standing: (nowMs?: number) => Promise<AccountStanding>;
  adopt: (pools: AccountPool[]) => Promise<void>;
};

let made = 0;

export const budgetOf = (amount: number | null, over: Partial<AccountPool> = {}): AccountPool => ({
  id: "bud_1", name: "budget", unit: "nanoUsd", window: { of: "total", rolling: false }, amount, soft: [], ...over,
});

/** A fresh organisation with these pools, of which every key is in all. */
export async function openOrganisation(pools: AccountPool[], keyCount: number, limits: Limits = {}): Promise<Organisation> {
  const id = `org_account_${(made += 1)}`;
  const account = env.ORG_ACCOUNT.getByName(id);
  let version = 1;
  await account.adopt({ organisationId: id, version, pools });
  const keyPools = pools.map(({ id: pool, name, unit, window }) => ({ id: pool, name, unit, window }));
  const keys: Meter[] = [];
  for (let i = 0; i < keyCount; i += 1) keys.push(await openMeter(limits, { organisationId: id, pools: keyPools }));
  return {
    id, account, keys,
    standing: async (nowMs = Date.now()) => (await account.standing(nowMs)) as AccountStanding,
    async adopt(changed) {
      await account.adopt({ organisationId: id, version: (version += 1), pools: changed });
    },
  };
}

export const granted = (replies: readonly MeterReply[]): number => replies.filter(({ is }) => is === "granted").length;

/** Every key's alarm runs: what was spent is reported. */
export async function reportAll({ keys }: Organisation, run: (stub: DurableObjectStub) => Promise<boolean>): Promise<void> {
  for (const { stub } of keys) await run(stub);
}
