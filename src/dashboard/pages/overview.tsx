/** /dashboard: how the organisation stands this month. */
import { listKeys } from "../../accounts/key-record.ts";
import { usageReport } from "../../ledger/index.ts";
import { Badge, ButtonLink, Card, EmptyState, PageHeader, Stat, Stats, Table } from "../components/parts.tsx";
import { count, money } from "../figures.ts";
import { show } from "../page.tsx";
import { may } from "../rights.ts";
import { go, member } from "../visit.ts";

export const overview = [
  member("see", "GET", "", async (visit) => {
    const { env, membership, nowMs } = visit;
    const { organisationId, organisationName, role } = membership;
    const [keys, usage] = await Promise.all([
      listKeys(env.DB, { organisationId, limit: 100 }),
      usageReport(env.DB, { organisationId, usageScope: "organisation" }, nowMs, {}),
    ]);
    if (keys.length === 0 && may(role, "change_keys")) return go(visit, "/first-key");
    const live = keys.filter(({ revokedAtMs }) => revokedAtMs === null);
    const { totals, forecast } = usage;
    const seesKeys = may(role, "see_keys");
    return show(visit, {
      title: "Overview",
      in: "",
      body: <>
        <PageHeader title={organisationName} lead={`This month, as of ${usage.asOf.slice(11, 16)} UTC`}><ButtonLink href="/dashboard/usage" look="secondary" icon="usage">Usage</ButtonLink></PageHeader>
        <Stats>
          <Stat label="Cost" value={money(totals.costUsd)} note={forecast && `${money(forecast.costUsd)} expected by the end of the month`} />
          <Stat label="Requests" value={count(totals.requests)} note={totals.errors > 0 ? `${count(totals.errors)} failed` : "none failed"} />
          <Stat label="Tokens in" value={count(totals.inputTokens)} note={`${count(totals.cachedTokens)} from a cache`} />
          <Stat label="Tokens out" value={count(totals.outputTokens)} />
        </Stats>
        <Card title="Models" note="What was spent on each this month" flush>
          {usage.byModel.length === 0
            ? <EmptyState icon="usage" title="No request yet this month">Send one with a key of yours: it is here a minute later at most.</EmptyState>
            : <Table caption="Models by cost" rows={usage.byModel.slice(0, 8)} columns={[
              { label: "Model", cell: ({ model }) => <code>{model}</code> },
              { label: "Requests", cell: ({ requests }) => count(requests), numeric: true },
              { label: "Cost", cell: ({ costUsd }) => money(costUsd), numeric: true },
            ]} />}
        </Card>
        {seesKeys && <Card title="Keys" note={live.length === 1 ? "One key works" : `${live.length} keys work`} flush>
          <Table caption="Keys" rows={live.slice(0, 8)} columns={[
            { label: "Name", cell: ({ name }) => name },
            { label: "Key", cell: ({ secrets }) => <code>{secrets[0]?.hint ?? "—"}</code> },
            { label: "State", cell: ({ expiresAtMs }) => (expiresAtMs !== null && expiresAtMs <= nowMs ? <Badge tone="warn">expired</Badge> : <Badge tone="good">live</Badge>) },
          ]} />
        </Card>}
      </>,
    });
  }),
];
