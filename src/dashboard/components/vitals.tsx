/** How deployments do, as the region's board has it, and what they are. */
import type { Survey } from "../../pipeline/index.ts";
import type { Attempt, Exclusion, Vital } from "../../router/index.ts";
import { inWords } from "../callable.ts";
import { count, duration, percent } from "../figures.ts";
import { pricesOfAttempt } from "../model-prices.ts";
import { Badge, Table, type Column } from "./parts.tsx";

type Measured = Vital & { okShare?: number };

/** Where the figures come from, in a sentence. */
export const vitalsNote = "Measured on this region's real traffic: each figure counts half after five minutes, so of what is half an hour old hardly anything is left. Nobody has called what has none.";

export const waitText = (vital: Vital | undefined): string => (vital?.firstByteMs ? `${duration(vital.firstByteMs.p50)} / ${vital.firstByteMs.p95 === undefined ? "–" : duration(vital.firstByteMs.p95)}` : "–");
export const speedText = (vital: Vital | undefined): string => (vital?.tokensPerSecond === undefined ? "–" : `${count(Math.round(vital.tokensPerSecond))}/s`);
export const uptimeText = (vital: Vital | undefined): string => ((vital as Measured | undefined)?.okShare === undefined ? "–" : percent((vital as Measured).okShare!));

const states = { closed: ["good", "works"], half_open: ["warn", "on trial"], open: ["bad", "left alone"] } as const;

/** Of a deployment of which nothing is known nothing is said. */
export function State({ vital }: { vital: Vital | undefined }) {
  if (!vital) return <Badge>no traffic</Badge>;
  const [tone, word] = states[vital.state];
  return <Badge tone={tone}>{word}</Badge>;
}

/** Who is tried, in order, at what price, and how each does. */
export function Attempts({ caption, attempts, known }: { caption: string; attempts: readonly Attempt[]; known: Survey }) {
  const of = (attempt: Attempt): Vital | undefined => known.health?.(attempt.vital);
  const columns: Column<Attempt>[] = [
    { label: "Deployment", cell: (one) => <span class="named"><code>{one.deployment}</code><span class="note">{one.endpoint.provider.name}{one.own ? ", on your own account" : ""}</span></span> },
    { label: "In / M", cell: (one) => pricesOfAttempt(one, known.atMs).input, numeric: true },
    { label: "Cached / M", cell: (one) => pricesOfAttempt(one, known.atMs).cached, numeric: true },
    { label: "Out / M", cell: (one) => pricesOfAttempt(one, known.atMs).output, numeric: true },
    { label: "First token p50 / p95", cell: (one) => waitText(of(one)), numeric: true },
    { label: "Speed", cell: (one) => speedText(of(one)), numeric: true },
    { label: "Uptime", cell: (one) => uptimeText(of(one)), numeric: true },
    { label: "State", cell: (one) => <State vital={of(one)} /> },
  ];
  return <Table caption={caption} rows={attempts} columns={columns} />;
}

/** So many are named for one reason. */
const mostNamed = 12;

/** Why not the others, reason by reason. */
export function Excluded({ excluded }: { excluded: readonly Exclusion[] }) {
  if (excluded.length === 0) return null;
  const reasons = [...Map.groupBy(excluded, ({ reason }) => reason)].toSorted(([, a], [, b]) => b.length - a.length);
  return (
    <details class="more"><summary>Why not {excluded.length === 1 ? "the other one" : `the other ${count(excluded.length)}`}</summary>
      <ul class="reasons">{reasons.map(([reason, same]) => (
        <li><strong>{count(same.length)}: {inWords[reason]}</strong><p class="chips">{same.slice(0, mostNamed).map(({ deployment }) => <code>{deployment}</code>)}{same.length > mostNamed && <span class="note">and {count(same.length - mostNamed)} more</span>}</p></li>
      ))}</ul>
    </details>
  );
}
