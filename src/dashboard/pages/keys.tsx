/** /dashboard/keys: the organisation's keys, and the way to a new one. */
import { listKeys, type KeyRecord } from "../../accounts/key-record.ts";
import type { Limits } from "../../accounts/policy.ts";
import { Back, Time } from "../components/facts.tsx";
import { TextField, type Typed } from "../components/field.tsx";
import { Badge, ButtonLink, Card, EmptyState, PageHeader, Submit, Table } from "../components/parts.tsx";
import { KeyForm } from "../components/key-form.tsx";
import { Secret } from "../components/secret.tsx";
import { Spark } from "../components/spark.tsx";
import { count, money, relative } from "../figures.ts";
import { readForm } from "../form.ts";
import { freshen } from "../fresh.ts";
import { beyondPlan, endOf, keyFormSchema, limitsInWords, policyOf, unknownModels, withErrors, type KeyFields } from "../key-form.ts";
import { keyByForm, keyIsThere, modelNames, planOf, sparkDays, usesOf } from "../own-key.ts";
import { show } from "../page.tsx";
import { may } from "../rights.ts";
import { go, member, type MemberVisit } from "../visit.ts";

const keysOnPage = 25;

/** Whether a key opens anything now. */
export function KeyState({ of: { revokedAtMs, expiresAtMs, policy }, nowMs }: { of: KeyRecord; nowMs: number }) {
  if (revokedAtMs !== null) return <Badge tone="bad">revoked</Badge>;
  if (expiresAtMs !== null && expiresAtMs <= nowMs) return <Badge tone="warn">expired</Badge>;
  if (policy.disabled) return <Badge tone="warn">switched off</Badge>;
  return <Badge tone="good">live</Badge>;
}

const Limited = ({ by: { limits, models, sovereign } }: { by: KeyRecord["policy"] }) => (
  <span class="words">{[...limitsInWords(limits), ...(models ? [models.length === 1 ? models[0]! : `${models.length} models`] : []), ...(sovereign ? ["sovereign only"] : [])].join(" · ") || <span class="note">as the plan has it</span>}</span>
);

/** Where the list goes on: behind this key. */
const placeIn = (text: string | undefined): { atMs: number; id: string } | undefined => {
  const [, atMs, id] = /^(\d{1,15})\.(\w{1,64})$/.exec(text ?? "") ?? [];
  return id === undefined ? undefined : { atMs: Number(atMs), id };
};

async function listPage(visit: MemberVisit): Promise<Response> {
  const { env, c, membership: { organisationId, role }, nowMs } = visit;
  const all = c.req.query("all") === "1";
  const after = placeIn(c.req.query("after"));
  const search = c.req.query("q")?.trim().slice(0, 254) || undefined;
  const kept = { ...(search && { q: search }), ...(all && { all: "1" }) };
  await freshen(visit);
  const found = await listKeys(env.DB, { organisationId, limit: keysOnPage + 1, live: !all, search, ...(after && { after }) });
  const keys = found.slice(0, keysOnPage);
  const uses = await usesOf(visit, keys.map(({ id }) => id));
  const last = keys.at(-1);
  const makes = may(role, "change_keys");
  const href = (query: Record<string, string>): string => `/dashboard/keys?${new URLSearchParams(query)}`;
  return show(visit, {
    title: "Keys",
    in: "/keys",
    body: <>
      <PageHeader title="Keys" lead="One for each program, so that each has its own limits, and can be ended by itself.">{makes && <ButtonLink href="/dashboard/keys/new" icon="plus">New key</ButtonLink>}</PageHeader>
      {(keys.length > 0 || search) && <Card><form method="get" action="/dashboard/keys" class="row grow" role="search">
        {all && <input type="hidden" name="all" value="1" />}
        <TextField name="q" label="Name, end of the secret, id, member, project or tag" value={search} required={false} unsaid maxlength={254} /><Submit look="secondary">Find</Submit>
      </form></Card>}
      <Card flush title={search ? "Found" : all ? "All keys" : "Keys"} note={`Bars: requests of the last ${sparkDays} days`} action={<ButtonLink look="quiet" href={href({ ...(search && { q: search }), ...(!all && { all: "1" }) })}>{all ? "Without revoked ones" : "With revoked ones"}</ButtonLink>}>
        {keys.length === 0
          ? <EmptyState icon="key" title={search ? "No key fits that" : after ? "No more keys" : "No key yet"} action={makes && !after && !search ? <ButtonLink href="/dashboard/keys/new">Create one</ButtonLink> : undefined}>A key is what a program shows to call a model.</EmptyState>
          : <Table caption="Keys" rows={keys} columns={[
            { label: "Name", cell: (key) => <span class="two-lines"><a href={`/dashboard/keys/${key.id}`}>{key.name}</a><code class="note">{key.secrets[0]?.hint ?? "—"}</code></span> },
            { label: "State", cell: (key) => <KeyState of={key} nowMs={nowMs} /> },
            { label: "Limits", cell: ({ policy }) => <Limited by={policy} /> },
            { label: "Last used", cell: ({ id }) => { const lastMs = uses.get(id)?.lastMs; return lastMs === undefined ? <span class="note">never</span> : <Time ms={lastMs}>{relative(lastMs, nowMs)}</Time>; } },
            { label: "Usage", cell: ({ id }) => <UseLine requests={uses.get(id)!.requests} nanoUsd={uses.get(id)!.nanoUsd} /> },
          ]} />}
      </Card>
      {found.length > keysOnPage && last && <nav class="pages" aria-label="Pages"><ButtonLink look="secondary" href={href({ ...kept, after: `${last.createdAtMs}.${last.id}` })}>Older keys</ButtonLink></nav>}
    </>,
  });
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

/** Requests day by day, and what they cost together. */
export const UseLine = ({ requests, nanoUsd }: { requests: readonly number[]; nanoUsd: readonly number[] }) => (
  <span class="use"><Spark values={requests} label={`${count(sum(requests))} requests in the last ${requests.length} days, by day: ${requests.join(", ")}`} /><span class="note">{money(sum(nanoUsd) / 1e9)}</span></span>
);

/** What else is wrong with a key's fields: more than the plan gives, models that nothing is called by, an end that lies behind. */
export async function problemsWith(visit: MemberVisit, fields: KeyFields, plan: Limits, key?: KeyRecord): Promise<Record<string, string>> {
  const unknown = fields.models ? unknownModels(fields, new Set(await modelNames(visit)), key?.policy.models) : [];
  const end = endOf(fields, key);
  return {
    ...beyondPlan(fields, plan, key?.policy.limits),
    ...(unknown.length > 0 && { models: `Nothing here is called ${unknown.slice(0, 3).join(", ")}${unknown.length > 3 ? ` and ${unknown.length - 3} more` : ""}.` }),
    ...(end !== null && end <= visit.nowMs && end !== key?.expiresAtMs && { expires: "A day that is yet to come." }),
  };
}

const newPage = async (visit: MemberVisit, typed?: Typed) => show(visit, {
  title: "New key",
  in: "/keys",
  islands: ["names"],
  status: typed?.errors ? 422 : 200,
  body: <><Back href="/dashboard/keys">Keys</Back><PageHeader title="New key" lead="Name it after what will use it. All else can stay empty, and be changed later." /><KeyForm action="/dashboard/keys/new" submit="Create the key" plan={await planOf(visit)} from={typed ?? { values: { member: visit.person.email } }} /></>,
});

export const keys = [
  member("see_keys", "GET", "/keys", listPage),
  member("change_keys", "GET", "/keys/new", (visit) => newPage(visit)),
  member("change_keys", "POST", "/keys/new", async (visit) => {
    const read = await readForm(visit, keyFormSchema);
    const form = read.ok ? withErrors(read, await problemsWith(visit, read.data, await planOf(visit))) : read;
    if (!form.ok) return newPage(visit, form);
    const { key, secret } = await keyByForm(visit, form.data.once, { name: form.data.name, policy: policyOf(form.data), expiresAtMs: endOf(form.data) });
    if (secret === undefined) return go(visit, `/keys/${key.id}`, keyIsThere);
    const model = key.policy.models?.find((name) => !name.endsWith("*"));
    return show(visit, {
      title: "Your key",
      in: "/keys",
      islands: ["waiting"],
      body: <><PageHeader title={key.name} lead="Copy it now: it is shown this once and stored nowhere." /><Secret origin={visit.origin} keyId={key.id} secret={secret} model={model} next={{ href: `/dashboard/keys/${key.id}`, label: "To the key" }} /></>,
    });
  }),
  member("see_keys", "GET", "/keys/names", async (visit) => visit.c.json(await modelNames(visit))),
];
