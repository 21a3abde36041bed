/** One model of the catalog: its facts, who serves it, what was published of it. */
import { getModel, listModels, type ListedModel } from "../../catalog/model-edits.ts";
import { modelKinds } from "../../catalog/index.ts";
import { editDeployment, editModel, takeBackModel } from "../../pipeline/index.ts";
import { attemptEdit, catalogPath, Confirm, deploymentHref, Doubts, modelHref, soon, type Asked } from "../catalog-edit.tsx";
import { deploymentFormSchema, factsOf, filledModel, modelFormSchema, ticksOf, whichModelSchema } from "../catalog-form.ts";
import { Back } from "../components/facts.tsx";
import { Check, Choice, Fields, TextField, type Typed } from "../components/field.tsx";
import { ButtonLink, Card, EmptyState, Submit, Table } from "../components/parts.tsx";
import { count, dayOfYear } from "../figures.ts";
import { readForm } from "../form.ts";
import { capabilityText } from "../model-query.ts";
import { showOperator } from "../operator.tsx";
import { go, operator, type OperatorVisit } from "../visit.ts";
import { deploymentPage, DeploymentState, prices } from "./operator-deployment.tsx";

const back = <Back href={`/dashboard${catalogPath}`}>Catalog</Back>;
const kinds = modelKinds.map((kind) => [kind, capabilityText(kind)] as const);
const fresh: Typed = { values: { kind: "chat", "in-text": "on", "out-text": "on", "can-text": "on" } };

const Ticks = ({ list, legend, note, from }: { list: "in" | "out" | "can"; legend: string; note?: string; from: Typed }) => (
  <Fields legend={legend} note={note}>{ticksOf(list).map(({ name, word }) => <Check name={name} label={capabilityText(word)} from={from} />)}{from.errors?.[list] && <p class="error">{from.errors[list]}</p>}</Fields>
);

const ModelForm = ({ action, from, isNew, doubts = [] }: { action: string; from: Typed; isNew?: boolean; doubts?: readonly string[] | undefined }) => (
  <form method="post" action={`/dashboard${action}`} class="form" novalidate>
    {!isNew && <input type="hidden" name="id" value={from.values?.id} />}
    <Fields legend={isNew ? "The model" : "Facts"}>
      {isNew && <TextField name="id" label="Id" from={from} maxlength={200} placeholder="maker/model-1" hint="What requests call it. It stays as it is." />}
      <TextField name="owner" label="Maker" from={from} maxlength={100} />
      <Choice name="kind" label="For" options={kinds} from={from} />
      <TextField name="contextTokens" label="Context, tokens" inputmode="numeric" maxlength={15} required={false} from={from} />
      <TextField name="maxOutputTokens" label="Longest answer, tokens" inputmode="numeric" maxlength={15} required={false} from={from} />
      <TextField name="released" label="Released" type="date" required={false} from={from} />
    </Fields>
    <Ticks list="in" legend="Takes" from={from} />
    <Ticks list="out" legend="Gives" from={from} />
    <Ticks list="can" legend="Can" note="Requests that need what is not ticked are not sent to it where a model is chosen for them." from={from} />
    <Confirm doubts={doubts} />
    <div class="row"><Submit icon="check">{isNew ? "Create the model" : "Save"}</Submit>{isNew && <ButtonLink href={`/dashboard${catalogPath}`} look="quiet">Cancel</ButtonLink>}</div>
  </form>
);

const labels = { owner: "Maker", kind: "For", inputModalities: "Takes", outputModalities: "Gives", capabilities: "Can", contextTokens: "Context", maxOutputTokens: "Longest answer", releasedAt: "Released" } as const;
type Fact = keyof typeof labels;
const factText = (fact: Fact, value: ListedModel["model"][Fact]): string => (value === null ? "–" : fact === "releasedAt" ? dayOfYear(value as number) : typeof value === "number" ? `${count(value)} tokens` : typeof value === "string" ? value : value.join(", "));

/** What an edit has changed, and the way back. */
const Edit = ({ of: { model, ours, published, deployments } }: { of: ListedModel }) => {
  const changed = published ? (Object.keys(labels) as Fact[]).filter((fact) => JSON.stringify(model[fact]) !== JSON.stringify(published[fact])) : [];
  return (
    <Card title={ours ? "A model of ours" : "Edited here"} note={ours ? "The published catalog does not have it." : changed.length === 0 ? "The published catalog says the same by now." : "What the published catalog says instead."} flush={changed.length > 0}>
      {published && changed.length > 0 && <Table caption="What is edited" rows={changed} columns={[
        { label: "What", cell: (fact) => labels[fact] }, { label: "Here", cell: (fact) => <span class="words">{factText(fact, model[fact])}</span> }, { label: "Published", cell: (fact) => <span class="words">{factText(fact, published[fact])}</span> },
      ]} />}
      {ours && deployments.length > 0 ? <p class="note">It can be removed once it has no deployments.</p> : (
        <form method="post" action={`/dashboard${catalogPath}/of/restore`} class={changed.length > 0 ? "card-foot" : undefined}><input type="hidden" name="id" value={model.id} /><Submit look={ours ? "danger" : "secondary"}>{ours ? "Remove it" : "Back to the published catalog"}</Submit></form>
      )}
    </Card>
  );
};

const newPage = (visit: OperatorVisit, { doubts = [], ...told }: Asked = {}) => showOperator(visit, {
  ...told, path: catalogPath, title: "New model", above: back, lead: "It can be called once it has a deployment.", body: <><Doubts of={doubts} /><Card><ModelForm action={`${catalogPath}/new`} from={told.typed ?? fresh} isNew doubts={doubts} /></Card></>,
});

async function modelPage(visit: OperatorVisit, id: string, { doubts = [], about, typed, ...told }: Asked = {}): Promise<Response> {
  const one = await getModel(visit.env.DB, id);
  const catalog = await visit.isolate.catalog.get(visit.nowMs, (promise) => visit.c.executionCtx.waitUntil(promise));
  const aliases = [...catalog.aliases].filter(([key, { targets }]) => key.startsWith("/") && targets.some(({ name }) => name === id)).map(([key]) => key.slice(1));
  const [ofModel, ofDeployment] = about === "deployment" ? [undefined, typed] : [typed, undefined];
  const reachable = [...visit.isolate.endpoints].map(([provider, [endpoint]]) => [provider, endpoint!.provider.name] as const).sort(([, a], [, b]) => a.localeCompare(b, "en"));
  return showOperator(visit, {
    ...told, ...(typed && { typed }), path: catalogPath, title: id, above: back, lead: `By ${one.model.owner}${aliases.length > 0 ? `; named by everyone's ${aliases.join(", ")}` : ""}`,
    body: <>
      <Doubts of={doubts} />
      <Card title="Deployments" note="Who serves it. Of a model that nobody serves every request is refused." flush>
        {one.deployments.length === 0 ? <EmptyState icon="route" title="Nobody serves it">Add a deployment below.</EmptyState> : <Table caption="Deployments" rows={one.deployments} columns={[
          { label: "Deployment", cell: ({ provider, upstreamId }) => <a href={`/dashboard${deploymentHref(provider, upstreamId)}`}>{provider}/{upstreamId}</a> },
          { label: "State", cell: (deployment) => <DeploymentState of={deployment} visit={visit} /> },
          { label: "In / M", cell: (deployment) => prices(deployment, catalog, visit).input, numeric: true },
          { label: "Out / M", cell: (deployment) => prices(deployment, catalog, visit).output, numeric: true },
          { label: "Else", cell: (deployment) => <span class="words">{prices(deployment, catalog, visit).pieces.join(" · ") || "–"}</span> },
        ]} />}
        <details class="more card-foot" open={ofDeployment !== undefined || one.deployments.length === 0}>
          <summary>Add a deployment</summary>
          <form method="post" action={`/dashboard${catalogPath}/deployment`} class="form" novalidate>
            <input type="hidden" name="model" value={id} />
            <div class="form line">
              <Choice name="provider" label="Provider" options={reachable} from={ofDeployment} />
              <TextField name="upstreamId" label="What it is called there" maxlength={200} from={ofDeployment} />
            </div>
            <Check name="serves" label="It serves requests at once" from={ofDeployment} hint="Leave that until its price is written: without one it is refused to keys with a budget, and costs all others nothing. Only what is self-hosted serves sovereign requests." />
            <div><Submit icon="plus" look="secondary">Add it</Submit></div>
          </form>
        </details>
      </Card>
      <Card><ModelForm action={`${catalogPath}/of`} from={ofModel ?? { values: filledModel(one.model) }} doubts={doubts} /></Card>
      {one.edited && <Edit of={one} />}
    </>,
  });
}

async function put(visit: OperatorVisit, isNew: boolean): Promise<Response> {
  const form = await readForm(visit, modelFormSchema);
  const id = form.values.id ?? "";
  const again = (asked: Asked) => (isNew ? newPage(visit, asked) : modelPage(visit, id, asked));
  if (!form.ok) return again({ typed: form });
  const { env, isolate, by } = visit;
  const [before] = await listModels(env.DB, { limit: 1, id: form.data.id });
  if (isNew && before) return newPage(visit, { typed: { values: form.values, errors: { id: "There is a model of that name." } } });
  // Throws for one that is not there.
  if (!isNew) await getModel(env.DB, id);
  return attemptEdit(async () => {
    await editModel(isolate, by, factsOf(form.data, before?.model), form.data.confirm);
    return go(visit, modelHref(form.data.id), isNew ? "The model is in the catalog. Say now who serves it." : `The model is saved. ${soon}`);
  }, (asked) => again({ ...asked, typed: { values: form.values } }));
}

export const operatorModel = [
  operator("GET", `${catalogPath}/new`, (visit) => newPage(visit)),
  operator("POST", `${catalogPath}/new`, (visit) => put(visit, true)),
  operator("GET", `${catalogPath}/of`, (visit) => modelPage(visit, visit.c.req.query("model") ?? "")),
  operator("POST", `${catalogPath}/of`, (visit) => put(visit, false)),

  operator("POST", `${catalogPath}/of/restore`, async (visit) => {
    const form = await readForm(visit, whichModelSchema);
    const id = form.ok ? form.data.id : (form.values.id ?? "");
    const { ours } = await getModel(visit.env.DB, id);
    return attemptEdit(async () => {
      await takeBackModel(visit.isolate, visit.by, id);
      return ours ? go(visit, catalogPath, `The model is removed. ${soon}`) : go(visit, modelHref(id), `The model is as published. ${soon}`);
    }, (asked) => modelPage(visit, id, asked));
  }),

  operator("POST", `${catalogPath}/deployment`, async (visit) => {
    const form = await readForm(visit, deploymentFormSchema);
    if (!form.ok) return modelPage(visit, form.values.model ?? "", { typed: form, about: "deployment" });
    const { confirm, ...edit } = form.data;
    return attemptEdit(async () => {
      const { prices: written, serves } = await editDeployment(visit.isolate, visit.by, edit, confirm);
      return go(visit, deploymentHref(edit.provider, edit.upstreamId), written === 0 && !serves ? "The deployment is stored. Write its price, then let it serve." : `The deployment is stored. ${soon}`);
    }, (asked) => deploymentPage(visit, edit, { ...asked, typed: { values: form.values } }));
  }),
];
