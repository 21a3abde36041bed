/** /dashboard/usage for browsers; a bearer key gets JSON at the same URL (src/routes/dashboard.ts). */
import { usageReport, type UsageTotals } from "../../ledger/index.ts";
import { Card, EmptyState, PageHeader, Stat, Stats, Table, type Column } from "../components/parts.tsx";
import { count, money } from "../figures.ts";
import { show } from "../page.tsx";
import { member } from "../visit.ts";

const sums: readonly Column<UsageTotals>[] = [
  { label: "Requests", cell: ({ requests }) => count(requests), numeric: true },
  { label: "Tokens in", cell: ({ inputTokens }) => count(inputTokens), numeric: true },
  { label: "Tokens out", cell: ({ outputTokens }) => count(outputTokens), numeric: true },
  { label: "Cost", cell: ({ costUsd }) => money(costUsd), numeric: true },
];

export const usage = [
  member("see_usage", "GET", "/usage", async (visit) => {
    const { env, membership: { organisationId }, nowMs } = visit;
    const { month, totals, byModel, byDay, byKey } = await usageReport(env.DB, { organisationId, usageScope: "organisation" }, nowMs, {});
    return show(visit, {
      title: "Usage",
      in: "/usage",
      body: <>
        <PageHeader title="Usage" lead={`${month ?? "This month"}, by model, day and key`} />
        <Stats><Stat label="Cost" value={money(totals.costUsd)} /><Stat label="Requests" value={count(totals.requests)} /><Stat label="Failed" value={count(totals.errors)} /></Stats>
        {totals.requests === 0 && <Card><EmptyState icon="usage" title="Nothing was used yet this month">What your keys use is here a minute later at most.</EmptyState></Card>}
        {totals.requests > 0 && <>
          <Card title="By model" flush><Table caption="Usage by model" rows={byModel} columns={[{ label: "Model", cell: ({ model }) => <code>{model}</code> }, ...sums]} /></Card>
          <Card title="By day" flush><Table caption="Usage by day" rows={byDay} columns={[{ label: "Day (UTC)", cell: ({ day }) => day }, ...sums]} /></Card>
          <Card title="By key" flush><Table caption="Usage by key" rows={byKey} columns={[{ label: "Key", cell: ({ name, keyId }) => name ?? keyId }, ...sums]} /></Card>
        </>}
      </>,
    });
  }),
];
