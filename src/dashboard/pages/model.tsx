/** /dashboard/models/{id}: one model, who serves it, what it has cost and costs, how to call it. */
import type { Deployment } from "../../catalog/index.ts";
import { GatewayError } from "../../errors.ts";
import type { Price } from "../../ledger/index.ts";
import { leadOf, surveyOf, inWords, type Lead } from "../callable.ts";
import { Back, Facts } from "../components/facts.tsx";
import { Badge, Card, Code, Notice, PageHeader, Stat, Stats, Table } from "../components/parts.tsx";
import { Snippets } from "../components/snippets.tsx";
import { Attempts, Excluded, vitalsNote } from "../components/vitals.tsx";
import { compact, count, dayOfYear } from "../figures.ts";
import { classText, perOf, pricesOfAttempt, priceText } from "../model-prices.ts";
import { show } from "../page.tsx";
import { callOf, snippetsOf } from "../snippets.ts";
import { member } from "../visit.ts";
import { Capabilities } from "./models.tsx";

const key = "YOUR_KEY";

type Row = { deployment: string; price: Price; isNow: boolean };

/** Every price that a model's deployments have had, have and will have, the newest first. */
function historyOf(deployments: readonly Deployment[], atMs: number): Row[] {
  const rows = deployments.flatMap(({ name, prices }) => [...Map.groupBy(prices, ({ class: of, aboveTokens }) => `${of} ${aboveTokens}`).values()].flatMap((same) => {
    const now = same.filter(({ validFromMs }) => validFromMs <= atMs).toSorted((a, b) => b.validFromMs - a.validFromMs)[0];
    return same.map((price): Row => ({ deployment: name, price, isNow: price === now }));
  }));
  return rows.toSorted((a, b) => (a.deployment < b.deployment ? -1 : a.deployment > b.deployment ? 1 : classText(a.price.class) < classText(b.price.class) ? -1 : classText(a.price.class) > classText(b.price.class) ? 1 : a.price.aboveTokens - b.price.aboveTokens || b.price.validFromMs - a.price.validFromMs));
}

const History = ({ rows, atMs }: { rows: readonly Row[]; atMs: number }) => (
  <Table caption="Prices" rows={rows} columns={[
    { label: "What", cell: ({ deployment, price }) => <span class="named">{classText(price.class)}{price.aboveTokens > 0 && `, prompts above ${compact(price.aboveTokens)}`}<code class="note">{deployment}</code></span> },
    { label: "Price", cell: ({ price }) => <span class="named">{priceText(price.class, price.picoUsd)}<span class="note">for {perOf(price.class)}</span></span> },
    { label: "Since", cell: ({ price, isNow }) => <span class="badges">{price.validFromMs === 0 ? "always" : dayOfYear(price.validFromMs)}{!isNow && <Badge tone={price.validFromMs > atMs ? "accent" : "neutral"}>{price.validFromMs > atMs ? "to come" : "past"}</Badge>}</span> },
  ]} />
);

const Call = ({ origin, id, kind }: { origin: string; id: string; kind: Lead["kind"] }) => {
  const call = callOf({ origin, key, model: id }, kind);
  return <Card title="Call it" note={<>Put a key of yours in the place of <code>{key}</code>.</>}>{kind === "chat" ? <Snippets snippets={snippetsOf({ origin, key, model: id })} /> : <Code text={call} label="curl snippet" />}</Card>;
};

export const model = [
  member("see", "GET", "/models/:id", async (visit) => {
    const id = visit.c.req.param("id")!;
    const known = await surveyOf(visit);
    const { catalog, atMs, selfHostedModels } = known;
    const about = catalog.models.get(id);
    if (!about && !selfHostedModels.includes(id)) throw new GatewayError("not_found", "There is no such model.");
    const lead = leadOf(known, id);
    const [first] = lead.attempts;
    const price = first && pricesOfAttempt(first, atMs);
    const rows = historyOf(catalog.byModel.get(id) ?? [], atMs);
    const { organisationId } = visit.membership;
    const aliases = [...catalog.aliases].filter(([name, { targets }]) => (name.startsWith("/") || name.startsWith(`${organisationId}/`)) && targets.some(({ name: target }) => target === id)).map(([name]) => name.slice(name.indexOf("/") + 1));
    return show(visit, {
      title: id,
      in: "/models",
      body: <>
        <Back href="/dashboard/models">Models</Back>
        <PageHeader title={id} lead={about ? `By ${about.owner}${about.releasedAt ? `, ${dayOfYear(about.releasedAt)}` : ""}` : "On your own server"} />
        {lead.error && <Notice tone="warn">It cannot be called here now: {inWords[lead.excluded[0]?.reason ?? "unknown"]}. {lead.error}</Notice>}
        <Stats>
          <Stat label="Context" value={about?.contextTokens ? compact(about.contextTokens) : "–"} note="tokens" />
          <Stat label="Most out" value={about?.maxOutputTokens ? compact(about.maxOutputTokens) : "–"} note="tokens" />
          {price?.pieces[0] && price.input === "–" ? <Stat label="Price" value={price.pieces[0].split(" for ")[0]!} note={`for ${price.pieces[0].split(" for ")[1]!}`} /> : <>
            <Stat label="In" value={price?.input ?? "–"} note={price && price.cached !== "–" ? `a million tokens; ${price.cached} cached` : "a million tokens"} />
            <Stat label="Out" value={price?.output ?? "–"} note="a million tokens" />
          </>}
        </Stats>
        {about && <Card title="What it does"><Facts of={[
          ["Kind", lead.kind], ["Takes", about.inputModalities.join(", ")], ["Gives", about.outputModalities.join(", ")], ["Can", <span class="badges"><Capabilities of={about.capabilities} kind={lead.kind} /></span>],
          aliases.length > 0 && ["Aliases that name it", <span class="chips">{aliases.map((name) => <code>{name}</code>)}</span>],
        ]} /></Card>}
        <Card title={lead.attempts.length === 1 ? "One deployment" : `${count(lead.attempts.length)} deployments`} note={`In the order in which a plain request tries them. ${vitalsNote}`} flush={lead.attempts.length > 0}>
          {lead.attempts.length > 0 && <Attempts caption="Deployments" attempts={lead.attempts} known={known} />}
          {lead.excluded.length > 0 && <div class="card-foot"><Excluded excluded={lead.excluded} /></div>}
        </Card>
        {!lead.error && <Call origin={visit.origin} id={id} kind={lead.kind} />}
        {rows.length > 0 && <Card title="Prices over time" note="A price is never changed: a new one begins on its day." flush><History rows={rows} atMs={atMs} /></Card>}
      </>,
    });
  }),
];
