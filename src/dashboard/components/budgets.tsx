/** Budgets as bars: what is spent of each, and what is left. */
import { count, money } from "../figures.ts";

/** `spent` and `limit` in `unit`; `held`: in use by requests that run, or set aside for keys. */
export type Bar = { name: string; unit: "nanoUsd" | "tokens"; spent: number; held?: number; limit: number; until?: string };

const written = { nanoUsd: (nano: number) => money(nano / 1e9), tokens: (tokens: number) => `${count(tokens)} tokens` } as const;
/** From these shares on it runs low, and out. */
const [low, out] = [0.8, 0.95];

export const Budgets = ({ bars }: { bars: readonly Bar[] }) => (
  <ul class="meters">{bars.map(({ name, unit, spent, held = 0, limit, until }) => {
    const told = written[unit];
    const left = Math.max(0, limit - spent);
    return (
      <li>
        <div><strong>{name}</strong><span>{told(left)} left</span></div>
        <meter class="bar" min={0} max={Math.max(limit, 1)} value={Math.max(0, Math.min(spent, limit))} low={limit * low} high={limit * out} optimum={0} aria-label={`${name}: ${told(spent)} of ${told(limit)} spent`}></meter>
        <p class="note">{told(spent)} of {told(limit)} spent{held > 0 && `, ${told(held)} set aside for keys that are at work`}{until && `; begins anew on ${until}`}</p>
      </li>
    );
  })}</ul>
);
