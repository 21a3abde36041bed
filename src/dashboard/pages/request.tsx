/** /dashboard/requests/{id} for browsers: one request, what became of it and why it cost what it did. A bearer key gets JSON at the same URL (src/routes/dashboard.ts). */
import type { Child } from "hono/jsx";
import { getKey } from "../../accounts/key-record.ts";
import { GatewayError } from "../../errors.ts";
import { belongingTo, findReceipt, findRefused, findRequest, refusalWords, usdOfPico, type KeptRefusal, type KeptRequest, type LedgerEntry, type PriceLine } from "../../ledger/index.ts";
import { Back, Facts, Time } from "../components/facts.tsx";
import { Badge, Card, Code, Notice, PageHeader, Stat, Stats, Table } from "../components/parts.tsx";
import { count, duration, exactly, moment } from "../figures.ts";
import { freshen } from "../fresh.ts";
import { show } from "../page.tsx";
import { classes, ends, pickWords, reasons, refusedResult, resultOf, sources } from "../request-words.ts";
import { may } from "../rights.ts";
import { BodiesCard } from "./request-bodies.tsx";
import { member, type MemberVisit } from "../visit.ts";

type Step = { at?: number | null; tone?: "good" | "bad" | "warn"; what: Child; more?: Child };

/** What happened, in order: who was asked, who refused, who answered. Times count from the request's beginning. */
function stepsOf(entry: LedgerEntry): Step[] {
  const { model, deployment, refused, legs, route, end, firstByteMs, totalMs, protocol, way, stream, upstreamRequestId } = entry;
  const told = legs ?? [{ deployment, end, firstByteMs, upstreamRequestId, protocol, why: undefined, step: undefined }];
  return [
    { at: 0, what: <>Asked for <code>{model}</code></>, more: stream ? "as a stream" : "as one answer" },
    ...(route ? [{ what: <>{count(route.planned)} {route.planned === 1 ? "deployment" : "deployments"} planned, {pickWords[route.pick] ?? route.pick}</> }] : []),
    ...refused.map((one): Step => ({ tone: "bad", what: <><code>{one.deployment}</code> refused</>, more: <>{one.status} <code>{one.errorCode}</code>{one.upstreamRequestId && <> · <code>{one.upstreamRequestId}</code></>}</> })),
    ...told.filter((leg) => leg.deployment !== "").map((leg): Step => ({
      at: leg.firstByteMs,
      tone: leg.end === "complete" ? "good" : leg.end === "outrun" || leg.end === "client_gone" ? undefined : "warn",
      what: <><code>{leg.deployment}</code> {leg.why === "hedged" ? "was asked beside it, because that was slow" : leg.why === "broke" ? "went on where that broke off" : leg.firstByteMs === null ? "was asked" : "began to answer"}{leg.step && <> ({leg.step})</>}</>,
      more: <>{leg.protocol}{leg.upstreamRequestId && <> · <code>{leg.upstreamRequestId}</code></>}{legs && <> · {ends[leg.end].words}</>}</>,
    })),
    { at: totalMs, tone: end === "complete" ? "good" : end === "client_gone" ? undefined : "bad", what: ends[end].is, more: way === "native" ? "byte for byte" : undefined },
  ];
}

const TimeLine = ({ entry }: { entry: LedgerEntry }) => (
  <ol class="timeline">{stepsOf(entry).map(({ at, tone, what, more }) => <li class={tone}><span class="at">{at === undefined || at === null ? "" : `+${duration(at)}`}</span><div><p>{what}</p>{more && <p class="note">{more}</p>}</div></li>)}</ol>
);

/** Tokens and pieces that were used, by class. */
const usageRows = ({ usage: { pieces = {}, ...tokens } }: LedgerEntry): [string, number][] =>
  ([...Object.entries(tokens), ...Object.entries(pieces)] as [string, number][]).filter(([name, amount]) => amount > 0 || name === "inputTokens" || name === "outputTokens");

const picoPerNano = 1_000;

/** Every line with its price, their exact sum, and what that is charged as. */
function Lines({ entry: { lines, costNanoUsd, costSource, pricesFromMs } }: { entry: LedgerEntry }) {
  const pico = lines.reduce((sum, { amount, picoUsd }) => sum + amount * picoUsd, 0);
  return (
    <Card title="Price" note={sources[costSource]} flush>
      {lines.length > 0 && <Table caption="Price lines" rows={[...lines.map((line) => ({ line })), { line: undefined }]} columns={[
        { label: "What", cell: ({ line }: { line: PriceLine | undefined }) => (line ? classes[line.unit] ?? line.unit : <strong>Sum</strong>) },
        { label: "How many", cell: ({ line }) => (line ? count(line.amount) : ""), numeric: true },
        { label: "Each", cell: ({ line }) => (line ? `$${usdOfPico(line.picoUsd)}` : ""), numeric: true },
        { label: "Costs", cell: ({ line }) => (line ? `$${usdOfPico(line.amount * line.picoUsd)}` : <strong>${usdOfPico(pico)}</strong>), numeric: true },
      ]} />}
      <div class="foot"><Facts of={[
        ["Charged", <><strong>{exactly(costNanoUsd)}</strong>{lines.length > 0 && pico !== costNanoUsd * picoPerNano && <span class="note"> rounded once to a billionth of a dollar</span>}</>],
        pricesFromMs !== null && pricesFromMs > 0 && ["Prices of", moment(pricesFromMs)],
      ]} /></div>
    </Card>
  );
}

/** More than these are folded away. */
const shownAtOnce = 5;

function Excluded({ route: { excluded, others } }: { route: NonNullable<LedgerEntry["route"]> }) {
  if (excluded.length === 0) return null;
  const list = <Table caption="Not asked" rows={excluded} columns={[{ label: "Deployment", cell: ({ deployment }) => <code>{deployment}</code> }, { label: "Why", cell: ({ reason }) => reasons[reason] ?? reason.replaceAll("_", " ") }]} />;
  const more = others > 0 ? `and ${count(others)} more; POST /v1/route tells all of them` : undefined;
  return <Card title="Not asked, and why" note={more} flush>{excluded.length > shownAtOnce ? <details class="detail"><summary>Show {excluded.length} of them</summary>{list}</details> : list}</Card>;
}

const Others = ({ title, rows }: { title: string; rows: readonly KeptRequest[] }) => (rows.length === 0 ? null : (
  <Card title={title} flush><Table caption={title} rows={rows} columns={[
    { label: "Id", cell: ({ id, adjusts }) => (adjusts ? <code>{id}</code> : <a href={`/dashboard/requests/${id}`}><code>{id}</code></a>) },
    { label: "What", cell: ({ adjusts, deployment }) => adjusts?.reason ?? <code>{deployment}</code> },
    { label: "Cost", cell: ({ costNanoUsd }) => exactly(costNanoUsd), numeric: true },
  ]} /></Card>
));

/** A finished or a refused request of the visitor's organisation, from the ledger; those that have ended just now are asked for. */
async function found(visit: MemberVisit, id: string): Promise<LedgerEntry | KeptRefusal | undefined> {
  const { env, membership: { organisationId } } = visit;
  const viewer = { organisationId, usageScope: "organisation" } as const;
  const known = await findRequest(env.DB, viewer, id);
  if (known) return known;
  await freshen(visit);
  return (await findRequest(env.DB, viewer, id)) ?? findRefused(env.DB, viewer, id);
}

/** One that no provider was asked for. */
async function refusedPage(visit: MemberVisit, refused: KeptRefusal): Promise<Response> {
  const { env, membership: { role } } = visit;
  const { id, at, keyId, status, code, model, protocol } = refused;
  const [key, { reason, remedy }, { words, tone }] = [await getKey(env.DB, keyId), refusalWords(code), refusedResult(refused)];
  return show(visit, {
    title: `Request ${model ?? id}`,
    in: "/requests",
    body: <>
      <Back href="/dashboard/requests">Requests</Back>
      <PageHeader title={model ?? "Refused request"} lead={<><Badge tone={tone}>{words}</Badge> <Time ms={at}>{moment(at)}</Time></>} />
      <Code text={id} label="X-Request-ID" />
      <Notice tone="warn">{reason} {remedy}</Notice>
      <Card title="About it" note="No provider was asked. It cost nothing."><Facts of={[
        ["Key", may(role, "see_keys") ? <a href={`/dashboard/keys/${keyId}`}>{key?.name ?? keyId}</a> : key?.name ?? keyId],
        ["Status", String(status)],
        ["Error", <code>{code}</code>],
        ["Asked for", model === null ? "Not kept" : <code>{model}</code>],
        ["Client's protocol", protocol],
      ]} /></Card>
    </>,
  });
}

async function requestPage(visit: MemberVisit): Promise<Response> {
  const { c, env, isolate, membership: { organisationId, role } } = visit;
  const id = c.req.param("id")!.slice(0, 100);
  const entry = await found(visit, id);
  if (!entry) throw new GatewayError("not_found", "No finished request of your organisation has this id. One that still runs, or ended less than a minute ago, may be here soon. Of refused ones the last 100 of each key are here.");
  if ("code" in entry) return refusedPage(visit, entry);
  const [receipt, { parts, corrections }] = await Promise.all([findReceipt(env.DB, { organisationId, usageScope: "organisation" }, id), belongingTo(env.DB, organisationId, id)]);
  const keyId = receipt!.entry.keyId;
  const [key, jws] = await Promise.all([getKey(env.DB, keyId), isolate.receipts.sign(receipt!)]);
  const { words, tone } = resultOf(entry);
  const { usage, costNanoUsd, firstByteMs, totalMs, app, reserved, serviceTier, ownKey, upstreamRequestId, responseHash, errorCode, estimated, route, legs } = entry;
  return show(visit, {
    title: `Request ${entry.model}`,
    in: "/requests",
    body: <>
      <Back href="/dashboard/requests">Requests</Back>
      <PageHeader title={entry.model} lead={<><Badge tone={tone}>{words}</Badge> <Time ms={entry.at}>{moment(entry.at)}</Time></>} />
      <Code text={id} label="X-Request-ID" />
      <Stats>
        <Stat label="Cost" value={exactly(costNanoUsd)} note={sources[entry.costSource]} />
        <Stat label="Tokens in" value={count(usage.inputTokens)} note={usage.cachedTokens > 0 && `${count(usage.cachedTokens)} from a cache`} />
        <Stat label="Tokens out" value={count(usage.outputTokens)} note={estimated && "estimated"} />
        <Stat label="Took" value={duration(totalMs)} note={firstByteMs !== null && `first byte after ${duration(firstByteMs)}`} />
      </Stats>
      {corrections.length > 0 && <Notice>What it was charged was corrected: with that it comes to {exactly(corrections.reduce((sum, one) => sum + one.costNanoUsd, costNanoUsd))}.</Notice>}
      <Card title="What happened"><TimeLine entry={entry} /></Card>
      <Lines entry={entry} />
      {route && <Excluded route={route} />}
      {legs && <Card title="Who had a part in it" flush><Table caption="Parts" rows={legs} columns={[
        { label: "Deployment", cell: ({ deployment }) => <code>{deployment}</code> },
        { label: "Ended", cell: ({ end }) => ends[end].words },
        { label: "Tokens", cell: (leg) => `${count(leg.usage.inputTokens)} → ${count(leg.usage.outputTokens)}`, numeric: true },
        { label: "Cost", cell: (leg) => exactly(leg.costNanoUsd), numeric: true },
      ]} /></Card>}
      <Others title="Requests of the same answer" rows={parts} />
      <Others title="Corrections" rows={corrections} />
      <div class="columns">
        <Card title="Used"><Facts of={usageRows(entry).map(([name, amount]) => [classes[name] ?? name, count(amount)] as const)} /></Card>
        <Card title="About it"><Facts of={[
          ["Key", may(role, "see_keys") ? <a href={`/dashboard/keys/${keyId}`}>{key?.name ?? keyId}</a> : key?.name ?? keyId],
          app && ["Application", app.url ? <>{app.name} <span class="note">{app.url}</span></> : app.name],
          ["Deployment", <code>{entry.deployment || "—"}</code>],
          ["Status", String(entry.status)],
          errorCode !== null && ["Error", <code>{errorCode}</code>],
          ownKey && ["Account", "Your own at this provider"],
          ["Left out on the way", entry.losses ? <span class="chips">{entry.losses.map((loss) => <code>{loss}</code>)}</span> : "Nothing"],
          serviceTier !== null && ["Service tier", serviceTier],
          ["Held while it ran", `${count(reserved.tokens)} tokens, ${exactly(reserved.nanoUsd)}`],
          upstreamRequestId !== null && ["The provider's id", <code>{upstreamRequestId}</code>],
          responseHash !== null && ["SHA-256 of the answer", <code>{responseHash}</code>],
        ]} /></Card>
      </div>
      {await BodiesCard({ visit, id })}
      <Card title="Receipt" note={<>Signed by this gateway, and chained to the request before it. <code>npm run verify-receipts</code> checks it offline against <a href="/.well-known/forge-receipts.json">the public keys</a>.</>}>
        <Facts of={[["Place in the key's chain", count(receipt!.chain.sequence)], ["Hash", <code>{receipt!.chain.hash}</code>], ["Hash before it", <code>{receipt!.chain.previous}</code>]]} />
        <Code text={JSON.stringify({ ...receipt!, jws })} label="Receipt" />
      </Card>
    </>,
  });
}

export const request = [member("see_usage", "GET", "/requests/:id", requestPage)];
