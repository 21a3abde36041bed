/** Prices: what a deployment costs from when on, and edits of that, each looked at for a slip before it is believed. */
import { isEdit, listPriceEdits, priceDoubts, pricesOf, putPrice, withdrawPrice, type PriceEdit } from "../../catalog/price-edits.ts";
import type { Deployment } from "../../catalog/index.ts";
import { priceClasses } from "../../ledger/index.ts";
import { Confirm, Doubts } from "../catalog-edit.tsx";
import { Back } from "../components/facts.tsx";
import { Choice, TextField } from "../components/field.tsx";
import { Badge, Card, EmptyState, Submit, Table } from "../components/parts.tsx";
import { count, moment } from "../figures.ts";
import { readForm } from "../form.ts";
import { classText, perOf, pricesOf as compared, priceText } from "../model-prices.ts";
import { showOperator } from "../operator.tsx";
import { editOf, priceSchema, withdrawalSchema } from "../price-form.ts";
import { attempt, type Told } from "../settings.tsx";
import { go, operator, type OperatorVisit } from "../visit.ts";

const path = "/operator/prices";
const mostFound = 60;
const mostEdits = 100;
/** Within so long every isolate that has traffic has read the catalog anew, and one that could not has said so several times. */
const safeMs = 10 * 60_000;

const hrefOf = ({ provider, upstreamId }: Pick<Deployment, "provider" | "upstreamId">): string => `${path}/of?${new URLSearchParams({ provider, model: upstreamId })}`;
const classes = priceClasses.map((of) => [of, `${classText(of)}, ${perOf(of)}`] as const);
const catalogOf = ({ isolate, nowMs, c }: OperatorVisit) => isolate.catalog.get(nowMs, (promise) => c.executionCtx.waitUntil(promise));

const Price = ({ of: { class: of, picoUsd } }: { of: PriceEdit }) => <span class="two-lines"><span>{priceText(of, picoUsd)}</span><span class="note">{perOf(of)}</span></span>;
const Class = ({ of: { class: of, aboveTokens } }: { of: PriceEdit }) => <span class="two-lines"><span>{classText(of)}</span>{aboveTokens > 0 && <span class="note">above {count(aboveTokens)} tokens</span>}</span>;
const From = ({ ms }: { ms: number }) => (ms === 0 ? <span class="note">ever</span> : <>{moment(ms)}</>);

/** Takes back what does not hold yet. */
const Withdraw = ({ edit: { provider, upstreamId, class: of, aboveTokens, validFromMs }, nowMs }: { edit: PriceEdit; nowMs: number }) => (validFromMs < nowMs + safeMs ? <span class="note">–</span> : (
  <form method="post" action={`/dashboard${path}/withdraw`}>
    {Object.entries({ provider, upstreamId, class: of, aboveTokens, validFromMs }).map(([field, value]) => <input type="hidden" name={field} value={String(value)} />)}
    <Submit look="secondary">Withdraw<span class="hidden"> {classText(of)}</span></Submit>
  </form>
));

async function listPage(visit: OperatorVisit, told: Told = {}): Promise<Response> {
  const q = (visit.c.req.query("q") ?? "").trim().slice(0, 200);
  const [catalog, edits] = await Promise.all([catalogOf(visit), listPriceEdits(visit.env.DB, mostEdits)]);
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.length === 0 ? [] : catalog.deployments.filter(({ name, model }) => words.every((word) => `${name} ${model.id}`.toLowerCase().includes(word)));
  return showOperator(visit, {
    ...told, path, title: "Prices", lead: `What ${count(catalog.deployments.length)} deployments of ${count(catalog.models.size)} models cost.`,
    body: <>
      <Card><form method="get" action={`/dashboard${path}`} class="form line" role="search"><TextField name="q" label="Model or provider" value={q} required={false} maxlength={200} placeholder="openai gpt" /><Submit look="secondary">Find</Submit></form></Card>
      {q !== "" && <Card title="Deployments" note={found.length > mostFound ? `The first ${mostFound} of ${count(found.length)}` : undefined} flush>
        {found.length === 0 ? <EmptyState icon="route" title="None">Nothing in the catalog is called that.</EmptyState> : <Table caption="Deployments" rows={found.slice(0, mostFound)} columns={[
          { label: "Deployment", cell: (one) => <span class="two-lines"><a href={`/dashboard${hrefOf(one)}`}>{one.name}</a><span class="note">{one.model.id}{visit.isolate.endpoints.has(one.provider) ? "" : ", provider not set up"}</span></span> },
          { label: "In / M", cell: (one) => compared(one, visit.nowMs).input, numeric: true },
          { label: "Cached / M", cell: (one) => compared(one, visit.nowMs).cached, numeric: true },
          { label: "Out / M", cell: (one) => compared(one, visit.nowMs).output, numeric: true },
          { label: "Else", cell: (one) => <span class="words">{compared(one, visit.nowMs).pieces.join(" · ") || "–"}</span> },
        ]} />}
      </Card>}
      <Card title="Edits" note="Written here or through the admin API, the latest to hold first" flush>
        {edits.length === 0 ? <EmptyState icon="audit" title="No edit">All prices are those that this gateway came with.</EmptyState> : <Table caption="Edits of prices" rows={edits} columns={[
          { label: "Deployment", cell: (one) => <a href={`/dashboard${hrefOf(one)}`}>{one.provider}/{one.upstreamId}</a> },
          { label: "What", cell: (one) => <Class of={one} /> },
          { label: "Price", cell: (one) => <Price of={one} /> },
          { label: "From", cell: ({ validFromMs }) => <From ms={validFromMs} /> },
          { label: "Change", cell: (one) => <Withdraw edit={one} nowMs={visit.nowMs} /> },
        ]} />}
      </Card>
    </>,
  });
}

async function pricePage(visit: OperatorVisit, { provider, upstreamId }: { provider: string; upstreamId: string }, { doubts = [], ...told }: Told & { doubts?: readonly string[] } = {}): Promise<Response> {
  const prices = await pricesOf(visit.env.DB, { provider, upstreamId }, visit.nowMs);
  const from = told.typed;
  return showOperator(visit, {
    ...told, path, title: `${provider}/${upstreamId}`, above: <Back href={`/dashboard${path}`}>Prices</Back>, lead: prices[0]?.model,
    body: <>
      <Doubts of={doubts} />
      <Card title="Write a price" note="It is added beside the others: what was charged stays as it was.">
        <form method="post" action={`/dashboard${path}/of`} class="form">
          <input type="hidden" name="provider" value={provider} /><input type="hidden" name="upstreamId" value={upstreamId} />
          <div class="form line">
            <Choice name="class" label="What, for how much" options={classes} from={from} />
            <TextField name="usd" label="US $" inputmode="decimal" maxlength={22} from={from} />
            <TextField name="aboveTokens" label="Above, tokens" inputmode="numeric" maxlength={12} required={false} from={from} />
            <TextField name="from" label="From, UTC" type="date" required={false} from={from} />
            <TextField name="source" label="Source of the figure" maxlength={400} from={from} />
          </div>
          <Confirm doubts={doubts} />
          <div><Submit icon="check">Store it</Submit></div>
        </form>
      </Card>
      <Card title="Prices" note="By what is charged, the newest first" flush>
        {prices.length === 0 ? <EmptyState icon="money" title="No price">With a budget in force it is refused.</EmptyState> : <Table caption="Prices" rows={prices} columns={[
          { label: "What", cell: (one) => <Class of={one} /> },
          { label: "Price", cell: (one) => <Price of={one} /> },
          { label: "From", cell: ({ validFromMs }) => <From ms={validFromMs} /> },
          { label: "State", cell: ({ inForce, validFromMs }) => (inForce ? <Badge tone="good">holds</Badge> : validFromMs > visit.nowMs ? <Badge tone="accent">to come</Badge> : <Badge>over</Badge>) },
          { label: "Source", cell: ({ source }) => <span class="words note">{source}</span> },
          { label: "Change", cell: (one) => (isEdit(one) ? <Withdraw edit={one} nowMs={visit.nowMs} /> : <span class="note">–</span>) },
        ]} />}
      </Card>
    </>,
  });
}

export const operatorPrices = [
  operator("GET", path, (visit) => listPage(visit)),
  operator("GET", `${path}/of`, (visit) => pricePage(visit, { provider: visit.c.req.query("provider") ?? "", upstreamId: visit.c.req.query("model") ?? "" })),

  operator("POST", `${path}/of`, async (visit) => {
    const form = await readForm(visit, priceSchema);
    const { provider = "", upstreamId = "" } = form.values;
    if (!form.ok) return pricePage(visit, { provider, upstreamId }, { typed: form });
    const { env, by, isolate, nowMs } = visit;
    const edit = editOf(form.data, nowMs);
    return attempt(async () => {
      const doubts = form.data.confirm ? [] : await priceDoubts(env.DB, edit, nowMs);
      if (doubts.length > 0) return pricePage(visit, edit, { typed: { values: form.values }, doubts, status: 409 });
      await putPrice(env.DB, by, edit, form.data.confirm);
      await isolate.catalog.refresh(nowMs);
      return go(visit, hrefOf(edit), "The price is stored. Within a minute it holds everywhere.");
    }, (told) => pricePage(visit, edit, { ...told, typed: { values: form.values } }));
  }),

  operator("POST", `${path}/withdraw`, async (visit) => {
    const form = await readForm(visit, withdrawalSchema);
    if (!form.ok) return listPage(visit, { problem: "Say which edit.", status: 422 });
    const { env, by, isolate, nowMs } = visit;
    return attempt(async () => {
      await withdrawPrice(env.DB, by, form.data, nowMs + safeMs);
      await isolate.catalog.refresh(nowMs);
      return go(visit, path, "The edit is taken back.");
    }, (told) => listPage(visit, told));
  }),
];
