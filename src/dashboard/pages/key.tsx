/** /dashboard/keys/{id}: one key, and everything that can be done with it. */
import * as z from "zod";
import { listAudit, type AuditEvent } from "../../accounts/audit.ts";
import type { KeyRecord } from "../../accounts/key-record.ts";
import { revokeKey, rotateKey, updateKey } from "../../accounts/keys.ts";
import { effectiveLimits } from "../../accounts/policy.ts";
import { GatewayError } from "../../errors.ts";
import { adopt } from "../../pipeline/index.ts";
import { Back, Facts, Time } from "../components/facts.tsx";
import { Choice, type Typed } from "../components/field.tsx";
import { KeyForm } from "../components/key-form.tsx";
import { Badge, ButtonLink, Card, Dialog, EmptyState, Notice, PageHeader, Stat, Stats, Submit, Table } from "../components/parts.tsx";
import { Secret } from "../components/secret.tsx";
import { Spark } from "../components/spark.tsx";
import { count, exactly, moment, money, relative } from "../figures.ts";
import { readForm } from "../form.ts";
import { freshen } from "../fresh.ts";
import { endOf, filledFrom, keyFormSchema, limitsInWords, patchOf, withErrors } from "../key-form.ts";
import { ownKey, planOf, sparkDays, usesOf } from "../own-key.ts";
import { show } from "../page.tsx";
import { may } from "../rights.ts";
import { go, member, type MemberVisit } from "../visit.ts";
import { KeyState, problemsWith } from "./keys.tsx";

const eventsShown = 20;
const graces = [["0", "Not at all: it ends now"], ["3600", "An hour"], ["86400", "A day"], ["604800", "A week"], ["2592000", "30 days"]] as const;

/** A form that was made for a key as it is now: a reload, or a second tab, does not do it again. */
const version = z.coerce.number().int();
const rotateSchema = z.object({ version, grace: z.enum(graces.map(([seconds]) => seconds)).transform(Number) });
const switchSchema = z.object({ on: z.enum(["true", "false"]).transform((word) => word === "true") });

const place = ({ id }: KeyRecord, rest = ""): string => `/keys/${id}${rest}`;
const idIn = ({ c }: MemberVisit): string => c.req.param("id")!;
const changed = (visit: MemberVisit, key: KeyRecord): Response => go(visit, place(key), "The key has changed meanwhile. Look at it again.");
const over = (visit: MemberVisit, key: KeyRecord): Response => go(visit, place(key), "This key is revoked and cannot be changed.");

const did: Record<string, string> = { "key.create": "created it", "key.update": "changed it", "key.rotate": "gave it a new secret", "key.revoke": "revoked it" };

const History = ({ events, nowMs }: { events: readonly AuditEvent[]; nowMs: number }) => (
  <Card title="History" note="Who changed it, and how" flush>
    {events.length === 0 ? <EmptyState icon="audit" title="Nothing yet" /> : <Table caption="History" rows={events} columns={[
      { label: "When", cell: ({ atMs }) => <Time ms={atMs}>{relative(atMs, nowMs)}</Time> },
      { label: "Who", cell: ({ actor }) => actor },
      { label: "What", cell: ({ action }) => did[action] ?? action },
      { label: "Detail", cell: ({ detail }) => (Object.keys(detail as object).length > 0 ? <details class="detail"><summary>Show</summary><pre>{JSON.stringify(detail, null, 2)}</pre></details> : <span class="note">—</span>) },
    ]} />}
  </Card>
);

const Rotate = ({ of }: { of: KeyRecord }) => (
  <Card title="Rotate" note="A new secret for the same key. Its limits and its usage stay.">
    <form method="post" action={`/dashboard${place(of, "/rotate")}`} class="form">
      <input type="hidden" name="version" value={of.version} />
      <Choice name="grace" label="The old secret works on for" options={graces} value="86400" />
      <div><Submit look="secondary" icon="key">Rotate</Submit></div>
    </form>
  </Card>
);

const End = ({ of }: { of: KeyRecord }) => (
  <Card title="Stop it" note="Both hold from the next request on. Switched on again, it works within ten seconds.">
    <div class="row">
      <form method="post" action={`/dashboard${place(of, "/switch")}`}><input type="hidden" name="on" value={of.policy.disabled ? "true" : "false"} /><Submit look="secondary">{of.policy.disabled ? "Switch on" : "Switch off"}</Submit></form>
      <button type="button" class="button danger" data-opens="revoke"><span>Revoke</span></button>
    </div>
    <Dialog id="revoke" title={`Revoke ${of.name}?`}>
      <p>Whatever uses it is refused at once, for ever. What it has used stays in your bills.</p>
      <form method="post" action={`/dashboard${place(of, "/revoke")}`} class="row"><Submit look="danger">Revoke it</Submit><button type="button" class="button quiet" data-closes><span>Keep it</span></button></form>
    </Dialog>
  </Card>
);

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

async function keyPage(visit: MemberVisit): Promise<Response> {
  const { env, membership: { organisationId, role }, nowMs } = visit;
  const key = await ownKey(visit, idIn(visit));
  await freshen(visit, key.id);
  const [uses, plan, events] = await Promise.all([
    usesOf(visit, [key.id]), planOf(visit), may(role, "see_audit") ? listAudit(env.DB, { organisationId, subject: key.id, limit: eventsShown }) : [],
  ]);
  const { policy, expiresAtMs, revokedAtMs, secrets } = key;
  const { lastMs, requests, nanoUsd } = uses.get(key.id)!;
  const changes = may(role, "change_keys") && revokedAtMs === null;
  const own = new Set(limitsInWords(policy.limits));
  return show(visit, {
    title: key.name,
    in: "/keys",
    body: <>
      <Back href="/dashboard/keys">Keys</Back>
      <PageHeader title={key.name} lead={<><KeyState of={key} nowMs={nowMs} /> <code>{secrets[0]?.hint ?? "—"}</code></>}>
        <ButtonLink href={`/dashboard/requests?key=${key.id}`} look="secondary" icon="list">Requests</ButtonLink>
        {changes && <ButtonLink href={`/dashboard${place(key, "/change")}`} look="secondary" icon="settings">Change</ButtonLink>}
      </PageHeader>
      <Stats>
        <Stat label={`Requests in ${sparkDays} days`} value={count(sum(requests))} note={<Spark values={requests} label={`By day: ${requests.join(", ")}`} />} />
        <Stat label={`Cost in ${sparkDays} days`} value={money(sum(nanoUsd) / 1e9)} note={<Spark values={nanoUsd} label={`By day: ${nanoUsd.map((nano) => exactly(nano)).join(", ")}`} />} />
        <Stat label="Last used" value={lastMs === undefined ? "Never" : relative(lastMs, nowMs)} note={lastMs !== undefined && moment(lastMs)} />
      </Stats>
      <Card title="What it may do">
        <Facts of={[
          ["Limits", <>{limitsInWords(effectiveLimits(policy.limits, plan, policy.installation)).map((words) => <span class="words">{words}{own.has(words) ? "" : " (plan)"}</span>)}</>],
          ["Models", policy.models ? <span class="chips">{policy.models.map((name) => <code>{name}</code>)}</span> : "All that the organisation may call"],
          ["Works until", expiresAtMs === null ? "It has no end" : moment(expiresAtMs)],
          ["Sovereign", policy.sovereign ? <Badge tone="accent">sovereign only</Badge> : "As each request asks"],
          policy.project !== undefined && ["Project", policy.project],
          policy.member !== undefined && ["Member", policy.member],
          policy.tags !== undefined && ["Tags", <span class="chips">{policy.tags.map((tag) => <code>{tag}</code>)}</span>],
          ["May ask for", policy.usageScope === "key" ? "Its own usage" : "The organisation's usage"],
          policy.onDisconnect !== undefined && ["When its client leaves", policy.onDisconnect === "cancel" ? "Stop, and pay for what was seen" : "Read on for the exact usage"],
          policy.managesKeys === true && ["Keys", "It may make, change and end keys"],
          policy.installation !== undefined && ["Atlassian installation", <code>{policy.installation}</code>],
          policy.installations === true && ["Atlassian", "It speaks for all installations"],
          ["Id", <code>{key.id}</code>],
        ]} />
      </Card>
      {secrets.length > 0 && revokedAtMs === null && <Card title="Secrets" flush><Table caption="Secrets" rows={secrets} columns={[
        { label: "Secret", cell: ({ hint }) => <code>{hint}</code> },
        { label: "Made", cell: ({ createdAtMs }) => <Time ms={createdAtMs}>{relative(createdAtMs, nowMs)}</Time> },
        { label: "Ends", cell: ({ expiresAtMs: endsAtMs }) => (endsAtMs === null ? "with the key" : <Time ms={endsAtMs}>{endsAtMs <= nowMs ? "ended" : relative(endsAtMs, nowMs)}</Time>) },
      ]} /></Card>}
      {changes && <div class="columns">{secrets.length > 0 && <Rotate of={key} />}<End of={key} /></div>}
      {may(role, "see_audit") && <History events={events} nowMs={nowMs} />}
    </>,
  });
}

async function changePage(visit: MemberVisit, key: KeyRecord, typed?: Typed): Promise<Response> {
  return show(visit, {
    title: `Change ${key.name}`,
    in: "/keys",
    islands: ["names"],
    status: typed?.errors ? 422 : 200,
    body: <>
      <Back href={`/dashboard${place(key)}`}>{key.name}</Back>
      <PageHeader title={`Change ${key.name}`} lead="Changes apply from the next request." />
      {key.policy.installation !== undefined && <Notice>This key stands for an Atlassian installation; whoever runs this gateway decides which.</Notice>}
      <KeyForm action={`/dashboard${place(key, "/change")}`} submit="Save" plan={await planOf(visit)} from={typed ?? { values: filledFrom(key) }} version={key.version} back={`/dashboard${place(key)}`} />
    </>,
  });
}

/** undefined: another click has changed the key meanwhile. */
const unlessChanged = <T,>(change: Promise<T>): Promise<T | undefined> => change.catch((error: unknown) => {
  if (error instanceof GatewayError && error.code === "conflict") return undefined;
  throw error;
});

export const key = [
  member("see_keys", "GET", "/keys/:id", keyPage),

  member("change_keys", "GET", "/keys/:id/change", async (visit) => {
    const found = await ownKey(visit, idIn(visit));
    return found.revokedAtMs === null ? changePage(visit, found) : over(visit, found);
  }),
  member("change_keys", "POST", "/keys/:id/change", async (visit) => {
    const found = await ownKey(visit, idIn(visit));
    if (found.revokedAtMs !== null) return over(visit, found);
    const read = await readForm(visit, keyFormSchema.extend({ version }));
    if (read.ok && read.data.version !== found.version) return changed(visit, found);
    const form = read.ok ? withErrors(read, await problemsWith(visit, read.data, await planOf(visit), found)) : read;
    if (!form.ok) return changePage(visit, found, form);
    const done = await unlessChanged(updateKey(visit.env.DB, visit.by, found.id, { name: form.data.name, policy: patchOf(form.data), expiresAtMs: endOf(form.data, found) }, found.version));
    if (!done) return changed(visit, found);
    await adopt(visit.env, done.standings);
    return go(visit, place(found), "The key is changed.");
  }),

  member("change_keys", "POST", "/keys/:id/rotate", async (visit) => {
    const found = await ownKey(visit, idIn(visit));
    const form = await readForm(visit, rotateSchema);
    if (!form.ok || form.data.version !== found.version) return changed(visit, found);
    if (found.revokedAtMs !== null) return over(visit, found);
    const done = await unlessChanged(rotateKey(visit.env.DB, visit.by, visit.isolate.settings.KEY_PEPPER, { id: found.id, graceMs: form.data.grace * 1_000, version: found.version }));
    if (!done) return changed(visit, found);
    const { key: rotated, secret, standings } = done;
    await adopt(visit.env, standings);
    const old = rotated.secrets[1]?.expiresAtMs ?? visit.nowMs;
    return show(visit, {
      title: "The new secret",
      in: "/keys",
      body: <>
        <PageHeader title={`The new secret of ${found.name}`} lead={`Copy it now: it is shown this once. The old one ${old <= visit.nowMs ? "has ended" : `ends ${relative(old, visit.nowMs)}`}.`} />
        <Secret origin={visit.origin} keyId={found.id} secret={secret} waits={false} model={found.policy.models?.find((name) => !name.endsWith("*"))} next={{ href: `/dashboard${place(found)}`, label: "To the key" }} />
      </>,
    });
  }),

  member("change_keys", "POST", "/keys/:id/switch", async (visit) => {
    const found = await ownKey(visit, idIn(visit));
    const form = await readForm(visit, switchSchema);
    if (!form.ok) return changed(visit, found);
    if (found.revokedAtMs !== null) return over(visit, found);
    const { standings } = await updateKey(visit.env.DB, visit.by, found.id, { policy: { disabled: form.data.on ? null : true } });
    await adopt(visit.env, standings);
    return go(visit, place(found), form.data.on ? "The key is switched on. It works within ten seconds." : "The key is switched off.");
  }),

  member("change_keys", "POST", "/keys/:id/revoke", async (visit) => {
    const found = await ownKey(visit, idIn(visit));
    const { standings } = await revokeKey(visit.env.DB, visit.by, found.id);
    await adopt(visit.env, standings);
    return go(visit, place(found), `${found.name} is revoked.`);
  }),
];
