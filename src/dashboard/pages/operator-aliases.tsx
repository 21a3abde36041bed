/** Everyone's aliases: names that stand for models, for all organisations that have none of that name themselves. */
import { listAliases, publishedAliases, type ListedAlias } from "../../accounts/aliases.ts";
import { picks, type PickBy } from "../../catalog/index.ts";
import { GatewayError } from "../../errors.ts";
import { editAlias, removeAlias, takeBackAlias } from "../../pipeline/index.ts";
import { aliasesPath as path, aliasHref, attemptEdit, catalogPath, CatalogTabs, Confirm, Doubts, soon, type Asked } from "../catalog-edit.tsx";
import { aliasFormSchema, filledAlias, whichAliasSchema } from "../catalog-form.ts";
import { Back } from "../components/facts.tsx";
import { Check, Choice, TextArea, TextField, type Typed } from "../components/field.tsx";
import { Badge, ButtonLink, Card, EmptyState, Submit, Table } from "../components/parts.tsx";
import { readForm } from "../form.ts";
import { showOperator } from "../operator.tsx";
import { go, operator, type OperatorVisit } from "../visit.ts";

const shownTargets = 4;
const back = <Back href={`/dashboard${path}`}>Everyone's aliases</Back>;
const pickTexts: Record<PickBy, string> = {
  order: "In the order of its targets", cheapest: "The least price first", fastest: "Whose first token comes soonest first", throughput: "Whose tokens come fastest first", weighted: "By chance, as its targets are weighted",
};
const pickOptions = picks.map((pick) => [pick, pickTexts[pick]] as const);

/** `published`: as the gateway came with it; `alias` undefined: it is removed here. */
type Line = { name: string; alias: ListedAlias | undefined; published: ListedAlias | undefined };

async function linesOf({ env }: OperatorVisit): Promise<Line[]> {
  const [here, published] = await Promise.all([listAliases(env.DB, ""), publishedAliases(env.DB)]);
  const find = (list: readonly ListedAlias[], name: string) => list.find((one) => one.name === name);
  return [...new Set([...here, ...published].map(({ name }) => name))].sort().map((name) => ({ name, alias: find(here, name), published: find(published, name) }));
}

const Targets = ({ of: { targets, pick } }: { of: ListedAlias }) => (
  <span class="chips">{targets.slice(0, shownTargets).map(({ name, weight }) => <code>{pick === "weighted" ? `${name} × ${weight}` : name}</code>)}{targets.length > shownTargets && <span class="note">and {targets.length - shownTargets} more</span>}</span>
);

const State = ({ of: { alias, published } }: { of: Line }) => (alias ? (published ? (alias.own ? <Badge tone="accent">edited</Badge> : <Badge>as published</Badge>) : <Badge tone="accent">ours</Badge>) : <Badge tone="warn">removed</Badge>);

const Restore = ({ name, look = "secondary" }: { name: string; look?: "secondary" | "primary" }) => (
  <form method="post" action={`/dashboard${path}/restore`}><input type="hidden" name="name" value={name} /><Submit look={look}>As published<span class="hidden"> {name}</span></Submit></form>
);

const AliasForm = ({ action, from, isNew, doubts = [] }: { action: string; from: Typed; isNew?: boolean; doubts?: readonly string[] }) => (
  <form method="post" action={`/dashboard${action}`} class="form" novalidate>
    {isNew ? <TextField name="name" label="Name" from={from} maxlength={100} placeholder="cheap" hint="What requests call it. It stays as it is." /> : <input type="hidden" name="name" value={from.values?.name} />}
    <TextArea name="targets" label="Targets" rows={8} mono from={from} placeholder={"gpt-5-nano\nanthropic/claude-haiku-4-5\nselfhosted/*"} hint="One a line: a model, a deployment, another alias, provider/* for all that a provider has, or * for everything. Where chance chooses, a weight behind it." />
    <Choice name="pick" label="Whom it chooses" options={pickOptions} from={from} />
    <Check name="hedges" label="Hedged" from={from} hint="A second one is asked when the first is slow to begin." />
    <Check name="continues" label="Goes on elsewhere" from={from} hint="A stream that breaks is gone on with by another." />
    <Confirm doubts={doubts} />
    <div class="row"><Submit icon="check">{isNew ? "Create the alias" : "Save"}</Submit>{isNew && <ButtonLink href={`/dashboard${path}`} look="quiet">Cancel</ButtonLink>}</div>
  </form>
);

async function listPage(visit: OperatorVisit, told: Asked = {}): Promise<Response> {
  const lines = await linesOf(visit);
  return showOperator(visit, {
    ...told, path: catalogPath, title: "Everyone's aliases", lead: "Names that stand for models, for whoever has none of that name of their own.", actions: <ButtonLink href={`/dashboard${path}/new`} icon="plus">New alias</ButtonLink>,
    body: <>
      <CatalogTabs at="aliases" />
      <Card flush>{lines.length === 0 ? <EmptyState icon="route" title="No alias">Requests name models themselves.</EmptyState> : <Table caption="Everyone's aliases" rows={lines} columns={[
        { label: "Alias", cell: ({ name, alias }) => <span class="named">{alias ? <a href={`/dashboard${aliasHref(name)}`}>{name}</a> : <span>{name}</span>}{alias && <span class="note">{[pickTexts[alias.pick as PickBy], alias.hedges && "hedged", alias.continues && "goes on elsewhere"].filter(Boolean).join(" · ")}</span>}</span> },
        { label: "Stands for", cell: ({ alias }) => (alias ? <Targets of={alias} /> : <span class="note">–</span>) },
        { label: "State", cell: (line) => <State of={line} /> },
        { label: "Change", cell: ({ name, alias, published }) => (published && (!alias || alias.own) ? <Restore name={name} /> : <span class="note">–</span>) },
      ]} />}</Card>
    </>,
  });
}

const newPage = (visit: OperatorVisit, { doubts = [], ...told }: Asked = {}) => showOperator(visit, {
  ...told, path: catalogPath, title: "New alias", above: back, body: <><Doubts of={doubts} /><Card><AliasForm action={`${path}/new`} from={told.typed ?? {}} isNew doubts={doubts} /></Card></>,
});

async function aliasPage(visit: OperatorVisit, name: string, { doubts = [], about, ...told }: Asked = {}): Promise<Response> {
  const line = (await linesOf(visit)).find((one) => one.name === name);
  if (!line?.alias) throw new GatewayError("not_found", "There is no such alias.");
  const [saving, removing] = about === "remove" ? [[], doubts] : [doubts, []];
  return showOperator(visit, {
    ...told, path: catalogPath, title: name, above: back, lead: <State of={line} />,
    body: <>
      <Doubts of={doubts} />
      <Card><AliasForm action={`${path}/of`} from={told.typed ?? { values: filledAlias(line.alias) }} doubts={saving} /></Card>
      {line.published && line.alias.own && <Card title="Published" note="What this gateway came with, and would follow newer versions in."><Targets of={line.published} /><Restore name={name} /></Card>}
      <Card title="Remove" note={line.published ? "Requests that name it are refused, with newer versions of the gateway too." : "Requests that name it are refused."}>
        <form method="post" action={`/dashboard${path}/remove`} class="form"><input type="hidden" name="name" value={name} /><Confirm doubts={removing} /><div><Submit look="danger">Remove it</Submit></div></form>
      </Card>
    </>,
  });
}

async function put(visit: OperatorVisit, isNew: boolean): Promise<Response> {
  const form = await readForm(visit, aliasFormSchema);
  const { name = "" } = form.values;
  const again = (asked: Asked) => (isNew ? newPage(visit, asked) : aliasPage(visit, name, asked));
  if (!form.ok) return again({ typed: form });
  const isKnown = (await listAliases(visit.env.DB, "")).some((one) => one.name === form.data.name);
  if (isNew && isKnown) return newPage(visit, { typed: { values: form.values, errors: { name: "There is an alias of that name." } } });
  if (!isNew && !isKnown) throw new GatewayError("not_found", "There is no such alias.");
  const { confirm, ...alias } = form.data;
  return attemptEdit(async () => {
    await editAlias(visit.isolate, visit.by, alias, confirm);
    return go(visit, aliasHref(alias.name), `The alias is stored. ${soon}`);
  }, (asked) => again({ ...asked, typed: { values: form.values } }));
}

export const operatorAliases = [
  operator("GET", path, (visit) => listPage(visit)),
  operator("GET", `${path}/new`, (visit) => newPage(visit)),
  operator("POST", `${path}/new`, (visit) => put(visit, true)),
  operator("GET", `${path}/of`, (visit) => aliasPage(visit, visit.c.req.query("name") ?? "")),
  operator("POST", `${path}/of`, (visit) => put(visit, false)),

  operator("POST", `${path}/remove`, async (visit) => {
    const form = await readForm(visit, whichAliasSchema);
    const { name = "" } = form.values;
    if (!form.ok) return listPage(visit, { problem: "Say which alias.", status: 422 });
    return attemptEdit(async () => {
      await removeAlias(visit.isolate, visit.by, name, form.data.confirm);
      return go(visit, path, `The alias is removed. ${soon}`);
    }, (asked) => (asked.doubts ? aliasPage(visit, name, { ...asked, about: "remove" }) : listPage(visit, asked)));
  }),

  operator("POST", `${path}/restore`, async (visit) => {
    const form = await readForm(visit, whichAliasSchema);
    if (!form.ok) return listPage(visit, { problem: "Say which alias.", status: 422 });
    return attemptEdit(async () => {
      await takeBackAlias(visit.isolate, visit.by, form.data.name);
      return go(visit, path, `The alias is as published. ${soon}`);
    }, (asked) => listPage(visit, asked));
  }),
];
