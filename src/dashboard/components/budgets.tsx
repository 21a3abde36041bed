/** Budgets as bars: what is spent of each, what is held, and what is left. */
import { count, money } from "../figures.ts";

/** `spent` and `limit` in `unit`; `held`: drawn by keys for requests to come, and given back where they do not need it. */
export type Bar = { name: string; unit: "nanoUsd" | "tokens"; spent: number; held?: number; limit: number; until?: string };

const written = { nanoUsd: (nano: number) => money(nano / 1e9), tokens: (tokens: number) => `${count(tokens)} tokens` } as const;
/** From these shares on it runs low, and out. */
const [low, out] = [0.8, 0.95];
const percentOf = (amount: number, limit: number): number => Math.round(Math.max(0, Math.min(1, amount / Math.max(limit, 1))) * 1_000) / 10;

export const Budgets = ({ bars }: { bars: readonly Bar[] }) => (
  <ul class="meters">{bars.map(({ name, unit, spent, held = 0, limit, until }) => {
    const told = written[unit];
    const [used, taken] = [percentOf(spent, limit), percentOf(spent + held, limit)];
    return (
      <li>
        <div><strong>{name}</strong><span>{told(Math.max(0, limit - spent))} left</span></div>
        <div class={`budget ${used >= out * 100 ? "bad" : used >= low * 100 ? "warn" : "good"}`} role="meter" aria-label={name} aria-valuemin={0} aria-valuemax={100} aria-valuenow={used} aria-valuetext={`${told(spent)} of ${told(limit)} spent`}>
          <svg width="100%" height="100%" aria-hidden="true">{taken > used && <line class="held" x1={`${used}%`} x2={`${taken}%`} y1="50%" y2="50%" />}<rect class="spent" width={`${used}%`} height="100%" rx="4" /></svg>
        </div>
        <p class="note">{told(spent)} of {told(limit)} spent{held > 0 && <>; <svg class="swatch" aria-hidden="true"><line class="held" x1="0" x2="100%" y1="50%" y2="50%" /></svg>{told(held)} held for keys while they run</>}{until && `; begins anew on ${until}`}</p>
      </li>
    );
  })}</ul>
);
