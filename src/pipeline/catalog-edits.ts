/**
 * Edits of the catalog, by whichever door they come: looked at beside the catalog as it is now, stored, and at work in this isolate when the call
 * answers; others read the catalog anew once theirs is old. An edit that is likely a slip throws `DoubtedEdit` unless it is `confirmed`.
 */
import { deleteAlias, listAliases, putAlias, restoreAlias, sameAlias, type Alias } from "../accounts/aliases.ts";
import type { By } from "../accounts/audit.ts";
import { namingOf } from "../accounts/naming.ts";
import { chargedFromMs, type Catalog } from "../catalog/index.ts";
import { findDeployment, pricesWritten, putDeployment, restoreDeployment, type ListedDeployment } from "../catalog/deployment-edits.ts";
import { aliasDoubts, deploymentDoubts, modelDoubts, namedBy, settled, type DeploymentEdit, type ModelFacts } from "../catalog/edit-doubts.ts";
import { getModel, listModels, putModel, restoreModel, sameFacts, type ListedModel } from "../catalog/model-edits.ts";
import { GatewayError } from "../errors.ts";
import { providerOf, providers, selfHosted } from "../providers/index.ts";
import { isWildcard, resolve, slipOf } from "../router/index.ts";
import type { Isolate } from "./isolate.ts";

const isProvider = (id: string): boolean => providerOf(id) !== undefined;
const ownModels = async ({ selfHosted: held }: Isolate, nowMs: number): Promise<readonly string[]> => (await held.get(nowMs, (refresh) => void refresh.catch(() => {}))).models;

/** Makes a model so, or a new one. Throws `DoubtedEdit`. */
export async function editModel(isolate: Isolate, by: By, facts: ModelFacts, confirmed: boolean): Promise<ListedModel> {
  const { catalog, env: { DB } } = isolate;
  const [before] = await listModels(DB, { limit: 1, id: facts.id });
  if (before && sameFacts(facts, before.model)) return before;
  settled(facts.id, modelDoubts(facts, await catalog.refresh(by.nowMs), isProvider), confirmed);
  await putModel(DB, by, facts, confirmed);
  await catalog.refresh(by.nowMs);
  return getModel(DB, facts.id);
}

/** Takes the edit of a model back. Throws `not_found`, `conflict`. */
export async function takeBackModel({ catalog, env }: Isolate, by: By, id: string): Promise<void> {
  await restoreModel(env.DB, by, id);
  await catalog.refresh(by.nowMs);
}

/** What is known around a deployment before it changes. */
async function around(isolate: Isolate, { provider, upstreamId }: Pick<DeploymentEdit, "provider" | "upstreamId">, after: DeploymentEdit | undefined, nowMs: number): Promise<Parameters<typeof deploymentDoubts>[1]> {
  const { catalog, env: { DB } } = isolate;
  const now = await catalog.refresh(nowMs);
  const name = `${provider}/${upstreamId}`;
  const before = now.byName.get(name);
  const others = before ? (now.byModel.get(before.model.id) ?? []).filter((one) => one.name !== name && !one.out) : [];
  const isOwn = providerOf(provider)?.selfHosted === true;
  const elsewhere = others.length > 0 || (before !== undefined && !(isOwn && upstreamId === before.model.id) && (await ownModels(isolate, nowMs)).includes(before.model.id));
  const kind = after && now.models.get(after.model)?.kind;
  const from = after?.serves && kind && !isOwn ? chargedFromMs(await pricesWritten(DB, after), kind) : 0;
  return { before, elsewhere, priced: from !== undefined && from <= nowMs, naming: before && (await namingOf(DB, elsewhere ? [name] : [before.model.id, name])) };
}

/** Makes a deployment so, or a new one. Throws `invalid_request` for a provider or a model that nobody knows, `DoubtedEdit`. */
export async function editDeployment(isolate: Isolate, by: By, edit: DeploymentEdit, confirmed: boolean): Promise<ListedDeployment> {
  const { catalog, env: { DB } } = isolate;
  const before = await findDeployment(DB, edit);
  if (before && before.model === edit.model && before.serves === edit.serves) return before;
  if (!before && !isProvider(edit.provider)) throw new GatewayError("invalid_request", `provider: there is none called ${JSON.stringify(edit.provider)}, only ${providers.map(({ id }) => id).join(", ")}`, { param: "provider" });
  if ((await listModels(DB, { limit: 1, id: edit.model })).length === 0) throw new GatewayError("invalid_request", `model: there is none called ${JSON.stringify(edit.model)} in the catalog`, { param: "model" });
  settled(`${edit.provider}/${edit.upstreamId}`, deploymentDoubts(edit, await around(isolate, edit, edit, by.nowMs)), confirmed);
  await putDeployment(DB, by, edit, confirmed);
  await catalog.refresh(by.nowMs);
  return (await findDeployment(DB, edit))!;
}

/** Takes the edit of a deployment back: one that the published catalog does not have is gone. Throws `not_found`, `DoubtedEdit`. */
export async function takeBackDeployment(isolate: Isolate, by: By, which: Pick<DeploymentEdit, "provider" | "upstreamId">, confirmed: boolean): Promise<void> {
  const { catalog, env: { DB } } = isolate;
  const { provider, upstreamId } = which;
  const before = await findDeployment(DB, which);
  const after = before?.published ? { provider, upstreamId, model: before.published, serves: true } : undefined;
  if (before?.edited) settled(`${provider}/${upstreamId}`, deploymentDoubts(after, { ...(await around(isolate, which, after, by.nowMs)), priced: true }), confirmed);
  await restoreDeployment(DB, by, which, confirmed);
  await catalog.refresh(by.nowMs);
}

/** Everyone's aliases without one of them: what its targets mean when it does not mean itself. */
const without = (catalog: Catalog, name: string): Catalog => ({ ...catalog, aliases: new Map([...catalog.aliases].filter(([key]) => key !== `/${name}`)) });

/** Makes one of everyone's aliases so, or a new one. Throws `DoubtedEdit`. */
export async function editAlias(isolate: Isolate, by: By, alias: Omit<Alias, "organisationId">, confirmed: boolean): Promise<void> {
  const before = (await listAliases(isolate.env.DB, "")).find(({ name }) => name === alias.name);
  if (before && sameAlias(before, alias)) return;
  const now = await isolate.catalog.refresh(by.nowMs);
  const names = { organisationId: "", catalog: without(now, alias.name) };
  const known = [...now.models.keys(), ...now.byName.keys()];
  const meant = (target: string, selfHostedModels: readonly string[]) => resolve(target, { ...names, selfHostedModels });
  // The owner's servers are asked only about what nobody else has.
  const isStrange = ({ name: target }: { name: string }): boolean => !isWildcard(target) && !meant(target, []).some(({ model }) => model !== undefined);
  const own = !confirmed && alias.targets.some(isStrange) ? await ownModels(isolate, by.nowMs) : [];
  const leads: Parameters<typeof aliasDoubts>[2] = (target) => {
    // What the owner's servers have comes and goes.
    if (target === `${selfHosted.id}/*` || target === "*") return { to: "somebody" };
    const found = meant(target, own);
    const isKnown = found.some(({ model, provider }) => model !== undefined || provider === selfHosted.id);
    return { to: found.length > 0 ? "somebody" : "nobody", slip: isKnown ? undefined : slipOf(target, known) };
  };
  settled(alias.name, confirmed ? [] : aliasDoubts(alias, now, leads), confirmed);
  await putAlias(isolate.env.DB, by, { ...alias, organisationId: "" });
  await isolate.catalog.refresh(by.nowMs);
}

/** Removes one of everyone's aliases. Throws `not_found`, `DoubtedEdit` when somebody names it. */
export async function removeAlias({ catalog, env: { DB } }: Isolate, by: By, name: string, confirmed: boolean): Promise<void> {
  const known = (await listAliases(DB, "")).some((one) => one.name === name);
  const who = known && !confirmed ? namedBy(await namingOf(DB, [name])) : undefined;
  settled(name, who ? [`it is named by ${who}`] : [], confirmed);
  await deleteAlias(DB, by, { organisationId: "", name });
  await catalog.refresh(by.nowMs);
}

/** Makes one of everyone's aliases what it was published as. Throws `not_found`. */
export async function takeBackAlias({ catalog, env }: Isolate, by: By, name: string): Promise<void> {
  await restoreAlias(env.DB, by, name);
  await catalog.refresh(by.nowMs);
}
