/** What keys of one organisation may spend together: budgets, the quotas of its plan, prepaid credits. In D1, as pools. */
import { z } from "zod";
import type { KeyPolicy } from "./policy.ts";

export const windowNames = ["day", "week", "month", "total"] as const;
/** A calendar day, week (from Monday) or month, all UTC, or all time; rolling: the last 24 hours, 7 days or 30 days. */
export type Window = { of: (typeof windowNames)[number]; rolling: boolean };

/**
 * A sum that keys of one organisation share. Its account (a Durable Object) hands it out in allotments; a request needs room in each
 * pool that its key belongs to.
 */
export type Pool = { id: string; /** For people: `project web`. */ name: string; unit: "nanoUsd" | "tokens"; window: Window };

/** A pool as its account knows it. `amount` null: as much as the organisation's credits come to. `soft`: shares of it, rising. */
export type AccountPool = Pool & { amount: number | null; soft: readonly number[] };

/** Prepaid credits: what organisations that pay in advance have left. */
export const creditPool: AccountPool = { id: "credits", name: "credits", unit: "nanoUsd", window: { of: "total", rolling: false }, amount: null, soft: [0.8, 0.95] };
