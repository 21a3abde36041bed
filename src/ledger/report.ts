/** What was used and what it cost, from the hourly roll-ups. */
import { forecast, paceDays, type Forecast } from "./forecast.ts";
import { refusedStatements, refusedUsage, type RefusedUsage } from "./refused-usage.ts";
import { selectUsage, type Dimension, type Filters, type Selection, type Sums, type UsageRow } from "./usage-rows.ts";

/** Whose usage is asked for: one key's, or all of its organisation's. */
export type Viewer = { organisationId: string; usageScope: "key"; keyId: string } | { organisationId: string; usageScope: "organisation" };

/** Times are Unix ms, `toMs` is the first one outside. Both are stretched to whole hours, since that is what roll-ups know. Absent: this UTC month. */
export type Question = { fromMs?: number; toMs?: number; filters?: Filters };

export type UsageTotals = {
  requests: number; errors: number; inputTokens: number; cachedTokens: number; cacheWriteTokens: number; outputTokens: number;
  reasoningTokens: number; costNanoUsd: number; costUsd: number;
};

type Head = {
  object: "usage";
  scope: "key" | "organisation";
  /** The UTC month that is told, `2026-11`; null: another span. */
  month: string | null;
  from: string;
  to: string;
  /** Other keys of an organisation report once a minute; the asking key is exact as of now. */
  asOf: string;
  totals: UsageTotals;
  /** Beside the totals: what no provider was asked for. */
  refused: RefusedUsage | null;
  /** For the running month as a whole, whatever part of it is told; null: the span does not reach to now. */
  forecast: (Omit<Forecast, "costNanoUsd" | "low" | "high"> & { costUsd: number; lowUsd: number; highUsd: number }) | null;
};

export type UsageReport = Head & {
  byModel: (UsageTotals & { model: string })[];
  byKey: (UsageTotals & { keyId: string; name: string | null })[];
  byDay: (UsageTotals & { day: string })[];
  byProject: (UsageTotals & { project: string | null })[];
  byMember: (UsageTotals & { member: string | null })[];
  /** A request counts once for each tag of its key. */
  byTag: (UsageTotals & { tag: string | null })[];
  /** null: requests that name no application. */
  byApp: (UsageTotals & { app: string | null })[];
};

/** The dimensions that were asked for, and what was used there. */
export type UsageGroup = UsageTotals & Partial<Record<Dimension, string | null>> & { keyName?: string | null };
export type GroupedUsage = Head & { groupBy: readonly Dimension[]; rows: UsageGroup[] };

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const usd = (nano: number): number => nano / 1e9;
const dayOf = (day: number): string => new Date(day * dayMs).toISOString().slice(0, 10);
const monthStart = (ms: number, later = 0): number => Date.UTC(new Date(ms).getUTCFullYear(), new Date(ms).getUTCMonth() + later, 1);

/** Sums as people read them. */
function totalsOf(rows: readonly Sums[]): UsageTotals {
  const total = (field: keyof Sums): number => rows.reduce((sum, row) => sum + row[field], 0);
  return {
    requests: total("requests"), errors: total("errors"), inputTokens: total("input_tokens"), cachedTokens: total("cached_tokens"),
    cacheWriteTokens: total("cache_write_tokens"), outputTokens: total("output_tokens"), reasoningTokens: total("reasoning_tokens"),
    costNanoUsd: total("cost_nano_usd"), costUsd: usd(total("cost_nano_usd")),
  };
}

/** How a group's own dimensions are told. */
const toldAs: Record<Dimension, (row: UsageRow) => Partial<UsageGroup>> = {
  day: ({ day }) => ({ day: dayOf(day) }),
  hour: ({ hour }) => ({ hour: `${new Date(hour * hourMs).toISOString().slice(0, 19)}Z` }),
  model: ({ model }) => ({ model }),
  key: ({ key_id, key_name }) => ({ key: key_id, keyName: key_name }),
  project: ({ project }) => ({ project }),
  member: ({ member }) => ({ member }),
  tag: ({ tag }) => ({ tag }),
  app: ({ app }) => ({ app }),
};

/** By name, what has none first; the sums of what has the same name together. */
function gathered<K extends string>(name: K, rows: readonly UsageRow[], namesOf: (row: UsageRow) => readonly (string | null)[]) {
  const groups = Map.groupBy(rows.flatMap((row) => namesOf(row).map((is) => ({ is, row }))), ({ is }) => is);
  return [...groups].sort(([a], [b]) => ((a ?? "") < (b ?? "") ? -1 : 1))
    .map(([is, members]) => ({ [name]: is, ...totalsOf(members.map(({ row }) => row)) }) as UsageTotals & Record<K, string | null>);
}

/** What every answer begins with, and the rows of each list of dimensions, in one batch of statements. */
async function asked(db: D1Database, viewer: Viewer, nowMs: number, question: Question, views: { by: readonly Dimension[]; limit?: number }[]) {
  const { fromMs = monthStart(nowMs), toMs = monthStart(nowMs, 1), filters = {} } = question;
  const span = { fromHour: Math.floor(fromMs / hourMs), toHour: Math.ceil(toMs / hourMs) };
  const selection: Selection = { organisationId: viewer.organisationId, ...(viewer.usageScope === "key" && { keyId: viewer.keyId }), ...span, filters };
  const current = fromMs <= nowMs && nowMs < toMs;
  const paceFrom = Math.min(monthStart(nowMs), (Math.floor(nowMs / dayMs) - paceDays) * dayMs);
  const refusals = refusedStatements(db, selection);
  const [total, ...found] = (await db.batch<UsageRow>([
    selectUsage(db, selection, []),
    ...views.map(({ by, limit }) => selectUsage(db, selection, by, limit)),
    ...(current ? [selectUsage(db, { ...selection, fromHour: paceFrom / hourMs, toHour: monthStart(nowMs, 1) / hourMs }, ["day"])] : []),
    ...refusals,
  ])).map(({ results }) => results);
  const refused = refusedUsage(found.splice(found.length - refusals.length));
  const pace = current ? found.pop()! : undefined;
  const head: Head = {
    object: "usage", scope: viewer.usageScope, month: monthOf(fromMs, toMs),
    from: new Date(span.fromHour * hourMs).toISOString(), to: new Date(span.toHour * hourMs).toISOString(), asOf: new Date(nowMs).toISOString(),
    totals: totalsOf(total!), refused, forecast: pace ? heading(pace, nowMs) : null,
  };
  return { head, found };
}

const monthOf = (fromMs: number, toMs: number): string | null =>
  fromMs === monthStart(fromMs) && toMs === monthStart(fromMs, 1) ? new Date(fromMs).toISOString().slice(0, 7) : null;

function heading(days: readonly UsageRow[], nowMs: number): Head["forecast"] {
  const { costNanoUsd, low, high, ...rest } = forecast(new Map(days.map(({ day, cost_nano_usd }) => [dayOf(day), cost_nano_usd])), nowMs);
  return { ...rest, costUsd: usd(costNanoUsd), lowUsd: usd(low), highUsd: usd(high) };
}

/** The viewer's usage by model, key, UTC day, project, member and tag, each by itself, and where this month is heading. */
export async function usageReport(db: D1Database, viewer: Viewer, nowMs: number, question: Question = {}): Promise<UsageReport> {
  const { head, found: [models, days, keys, apps] } = await asked(db, viewer, nowMs, question, [{ by: ["model"] }, { by: ["day"] }, { by: ["key", "project", "member"] }, { by: ["app"] }]);
  const tagsOf = ({ key_tags }: UsageRow): string[] => JSON.parse(key_tags ?? "[]") as string[];
  const tag = question.filters?.tag;
  return {
    ...head,
    byModel: models!.map((row) => ({ model: row.model, ...totalsOf([row]) })),
    byKey: keys!.map((row) => ({ keyId: row.key_id, name: row.key_name, ...totalsOf([row]) })),
    byDay: days!.map((row) => ({ day: dayOf(row.day), ...totalsOf([row]) })),
    byProject: gathered("project", keys!, ({ project }) => [project]),
    byMember: gathered("member", keys!, ({ member }) => [member]),
    byTag: gathered("tag", keys!, (row) => (tag !== undefined ? [tag] : tagsOf(row).length > 0 ? tagsOf(row) : [null])),
    byApp: apps!.map((row) => ({ app: row.app, ...totalsOf([row]) })),
  };
}

/** The viewer's usage by several dimensions at once, at most `limit` rows. */
export async function groupedUsage(
  db: D1Database, viewer: Viewer, nowMs: number, question: Question, { groupBy, limit }: { groupBy: readonly Dimension[]; limit: number },
): Promise<GroupedUsage> {
  const { head, found: [rows] } = await asked(db, viewer, nowMs, question, [{ by: groupBy, limit }]);
  return {
    ...head, groupBy,
    rows: rows!.map((row) => ({ ...Object.assign({}, ...groupBy.map((dimension) => toldAs[dimension](row))) as Partial<UsageGroup>, ...totalsOf([row]) })),
  };
}
