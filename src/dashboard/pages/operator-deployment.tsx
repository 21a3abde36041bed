/** One deployment: which model it serves, whether it does, and the way back to what was published. */
import { findDeployment, type ListedDeployment } from "../../catalog/deployment-edits.ts";
import type { DeploymentEdit } from "../../catalog/edit-doubts.ts";
import type { Catalog } from "../../catalog/index.ts";
import { GatewayError } from "../../errors.ts";
import { takeBackDeployment } from "../../pipeline/index.ts";
import { attemptEdit, catalogPath, Confirm, deploymentHref, Doubts, modelHref, soon, type Asked } from "../catalog-edit.tsx";
import { filledDeployment, whichDeploymentSchema } from "../catalog-form.ts";
import { Back, Facts } from "../components/facts.tsx";
import { Check, TextField } from "../components/field.tsx";
import { Badge, ButtonLink, Card, Submit } from "../components/parts.tsx";
import { count } from "../figures.ts";
import { readForm } from "../form.ts";
import { pricesOf, type Prices } from "../model-prices.ts";
import { showOperator } from "../operator.tsx";
import { go, operator, type OperatorVisit } from "../visit.ts";

type Which = Pick<DeploymentEdit, "provider" | "upstreamId">;
const path = `${catalogPath}/deployment`;

const isOwn = ({ isolate }: OperatorVisit, provider: string): boolean => isolate.endpoints.get(provider)?.[0]?.provider.selfHosted === true;

/** What a deployment costs now, as the catalog that is held has it. */
export const prices = ({ provider, upstreamId }: Which, catalog: Catalog, visit: OperatorVisit): Prices =>
  pricesOf({ prices: catalog.byName.get(`${provider}/${upstreamId}`)?.prices ?? [], selfHosted: isOwn(visit, provider) }, visit.nowMs);

/** Whether it serves, what stands in its way, whose it is. */
export const DeploymentState = ({ of: { provider, serves, edited, published, prices: written }, visit }: { of: ListedDeployment; visit: OperatorVisit }) => (
  <span class="badges">
    {serves ? <Badge tone="good">serves</Badge> : <Badge tone="warn">taken out</Badge>}
    {isOwn(visit, provider) && <Badge>self-hosted</Badge>}
    {!visit.isolate.endpoints.has(provider) && <Badge>provider not set up</Badge>}
    {written === 0 && !isOwn(visit, provider) && <Badge tone="warn">no price</Badge>}
    {edited && <Badge tone="accent">{published === null ? "ours" : "edited"}</Badge>}
  </span>
);

/** Of one that is not there yet, and was asked about, what was sent. */
export async function deploymentPage(visit: OperatorVisit, which: Which | DeploymentEdit, { doubts = [], about, ...told }: Asked = {}): Promise<Response> {
  const { provider, upstreamId } = which;
  const stored = await findDeployment(visit.env.DB, which);
  const one = stored ?? ("model" in which ? { ...which, edited: false, published: null, prices: 0 } : undefined);
  if (!one) throw new GatewayError("not_found", "There is no such deployment.");
  const from = (about === undefined ? told.typed : undefined) ?? { values: filledDeployment(one) };
  const name = `${provider}/${upstreamId}`;
  const restoring = about === "restore" ? doubts : [];
  const saving = about === undefined ? doubts : [];
  return showOperator(visit, {
    ...told, path: catalogPath, title: name, above: <Back href={`/dashboard${modelHref(one.model)}`}>{one.model}</Back>,
    body: <>
      <Doubts of={doubts} />
      <Card title={stored ? "What it is" : "Not stored yet"}><Facts of={[
        stored && ["State", <DeploymentState of={stored} visit={visit} />],
        ["Prices", <a href={`/dashboard/operator/prices/of?${new URLSearchParams({ provider, model: upstreamId })}`}>{one.prices === 0 ? "None yet" : `${count(one.prices)} written, with their days`}</a>],
        ["Sovereign requests", isOwn(visit, provider) ? "It serves them: its provider is self-hosted." : "Never: its provider is not self-hosted."],
        one.edited && ["Published", one.published === null ? "The published catalog does not have it." : `It serves ${one.published}.`],
      ]} /></Card>
      <Card><form method="post" action={`/dashboard${path}`} class="form" novalidate>
        <input type="hidden" name="provider" value={provider} /><input type="hidden" name="upstreamId" value={upstreamId} />
        <TextField name="model" label="The model that it serves" maxlength={200} from={from} />
        <Check name="serves" label="It serves requests" from={from} hint="Otherwise it is taken out: nobody is sent there, under any name." />
        <Confirm doubts={saving} />
        <div class="row"><Submit icon="check">{stored ? "Save" : "Add it"}</Submit>{!stored && <ButtonLink href={`/dashboard${modelHref(one.model)}`} look="quiet">Cancel</ButtonLink>}</div>
      </form></Card>
      {stored?.edited && <Card title={stored.published === null ? "Remove it" : "Back to the published catalog"} note={stored.published === null ? "Its prices stay written, for requests that it has served." : `It serves ${stored.published} again.`}>
        <form method="post" action={`/dashboard${path}/restore`} class="form">
          <input type="hidden" name="provider" value={provider} /><input type="hidden" name="upstreamId" value={upstreamId} />
          <Confirm doubts={restoring} />
          <div><Submit look={stored.published === null ? "danger" : "secondary"}>{stored.published === null ? "Remove it" : "As published"}</Submit></div>
        </form>
      </Card>}
    </>,
  });
}

export const operatorDeployment = [
  operator("GET", path, (visit) => deploymentPage(visit, { provider: visit.c.req.query("provider") ?? "", upstreamId: visit.c.req.query("model") ?? "" })),

  operator("POST", `${path}/restore`, async (visit) => {
    const form = await readForm(visit, whichDeploymentSchema);
    const { provider = "", upstreamId = "" } = form.values;
    if (!form.ok) return deploymentPage(visit, { provider, upstreamId });
    const before = await findDeployment(visit.env.DB, { provider, upstreamId });
    return attemptEdit(async () => {
      await takeBackDeployment(visit.isolate, visit.by, form.data, form.data.confirm);
      return before?.published == null ? go(visit, modelHref(before!.model), `The deployment is removed. ${soon}`) : go(visit, deploymentHref(provider, upstreamId), `The deployment is as published. ${soon}`);
    }, (asked) => deploymentPage(visit, { provider, upstreamId }, { ...asked, about: "restore" }));
  }),
];
