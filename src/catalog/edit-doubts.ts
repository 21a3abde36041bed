/** Whether an edit of the catalog can be meant: what speaks against it is said before it is stored, and stored when it is confirmed. Pure. */
import { GatewayError } from "../errors.ts";
import type { Catalog, Deployment, Model } from "./catalog.ts";

/** An edit that is likely a slip: nothing is stored. `doubts`: why, one sentence each. */
export class DoubtedEdit extends GatewayError {
  readonly doubts: readonly string[];

  constructor(subject: string, doubts: readonly string[]) {
    super("conflict", `${subject}: ${doubts.join("; ")}. Send "confirm": true if that is meant.`);
    this.doubts = doubts;
  }
}

/** Throws `DoubtedEdit` when something speaks against an edit that nobody has confirmed. */
export function settled(subject: string, doubts: readonly string[], confirmed: boolean): void {
  if (doubts.length > 0 && !confirmed) throw new DoubtedEdit(subject, doubts);
}

/** Less than any conversation is held in, more than any model that is sold reads. */
const plausibleContext = { least: 1_000, most: 20_000_000 };
const figure = (tokens: number): string => tokens.toLocaleString("en-US");

/** A fact that grows or shrinks by so much is rather a slip of a digit group. */
function jump(what: string, before: number | null, after: number | null): string[] {
  if (before === null || after === null || before === after) return [];
  const factor = Math.max(before / after, after / before);
  return factor < 50 ? [] : [`its ${what} would go from ${figure(before)} to ${figure(after)} tokens: thousands taken for ones, or the other way round?`];
}

/** A model as it is written: tokens are the most it reads and answers, null = nobody says; `releasedAt` in Unix ms. */
export type ModelFacts = Pick<Model, "id" | "owner" | "kind" | "inputModalities" | "outputModalities" | "capabilities" | "contextTokens" | "maxOutputTokens" | "releasedAt">;

/** What a name would mean that means something already. */
function shadows(id: string, catalog: Catalog, isProvider: (id: string) => boolean): string[] {
  const others = (catalog.byUpstreamId.get(id) ?? []).filter(({ model }) => model.id !== id);
  return [
    ...(catalog.aliases.has(`/${id}`) ? [`everyone's alias ${id} has that name, and goes before a model`] : []),
    ...(others.length > 0 ? [`${others[0]!.name} is called so and is the model ${others[0]!.model.id}: requests for ${id} would not find it any more`] : []),
    ...(id.includes("/") && isProvider(id.slice(0, id.indexOf("/"))) ? [`it begins with a provider's id, so a request for it is taken to name one deployment of ${id.slice(0, id.indexOf("/"))}`] : []),
  ];
}

/** What speaks against a model beside what the catalog has; nothing when it is plausible. */
export function modelDoubts(facts: ModelFacts, catalog: Catalog, isProvider: (id: string) => boolean): string[] {
  const { id, kind, contextTokens, maxOutputTokens, releasedAt } = facts;
  const before = catalog.models.get(id);
  const served = catalog.byModel.get(id) ?? [];
  const jumps = before ? [...jump("context", before.contextTokens, contextTokens), ...jump("longest answer", before.maxOutputTokens, maxOutputTokens)] : [];
  const size = kind !== "chat" || contextTokens === null || jumps.length > 0 ? undefined : contextTokens < plausibleContext.least ? "small" : contextTokens > plausibleContext.most ? "large" : undefined;
  return [
    ...(before ? [] : shadows(id, catalog, isProvider)),
    ...jumps,
    ...(size ? [`a context of ${figure(contextTokens!)} tokens is very ${size} for conversations`] : []),
    ...(contextTokens !== null && maxOutputTokens !== null && maxOutputTokens > contextTokens ? [`it would answer with more tokens (${figure(maxOutputTokens)}) than it reads (${figure(contextTokens)})`] : []),
    ...(releasedAt !== null && releasedAt !== before?.releasedAt && releasedAt < Date.UTC(2018, 0) ? ["it would be older than any model that is sold"] : []),
    ...(before && before.kind !== kind && served.length > 0 ? [`it is for ${before.kind} and ${served.length === 1 ? "has a deployment" : `has ${served.length} deployments`}: requests of that kind would be refused`] : []),
  ];
}

/** Who names a model or a deployment: aliases by name, and how many keys, organisations and plans in what they allow. */
export type Naming = { aliases: readonly string[]; keys: number; organisations: number; plans: number };

const several = (count: number, what: string): string[] => (count === 0 ? [] : [`${count} ${what}${count === 1 ? "" : "s"}`]);

/** `the aliases fast and auto and 2 keys`; nothing when nobody does. */
export function namedBy({ aliases, keys, organisations, plans }: Naming): string | undefined {
  const all = [...(aliases.length > 0 ? [`${aliases.length === 1 ? "the alias" : "the aliases"} ${aliases.join(", ")}`] : []), ...several(keys, "key"), ...several(organisations, "organisation"), ...several(plans, "plan")];
  return all.length > 0 ? all.join(", ") : undefined;
}

/** A deployment as it is written. `model`: the one that it serves; `serves` false: taken out. */
export type DeploymentEdit = { provider: string; upstreamId: string; model: string; serves: boolean };

/**
 * What speaks against a deployment being so, or being gone (`undefined`). `before`: what it is now; `priced`: what its model is asked for has a
 * price, or needs none; `elsewhere`: somebody else serves the model that it serves now; `naming`: who names it, or that model where nobody else does.
 */
export function deploymentDoubts(after: DeploymentEdit | undefined, { before, priced, elsewhere, naming }: { before: Deployment | undefined; priced: boolean; elsewhere: boolean; naming: Naming | undefined }): string[] {
  const leaves = before && !before.out && (!after?.serves || after.model !== before.model.id) ? before.model.id : undefined;
  const who = naming && namedBy(naming);
  return [
    ...(leaves !== undefined && elsewhere && who ? [`it is named itself by ${who}`] : []),
    ...(before && after && after.model !== before.model.id ? [`it serves ${before.model.id} now and would serve ${after.model}`] : []),
    ...(leaves !== undefined && !elsewhere ? [`it is the last that serves ${leaves}, which nobody could call any more${who ? `, and which is named by ${who}` : ""}`] : []),
    ...(after?.serves && !priced ? ["it has no price: keys with a budget are refused there, and all others would be charged nothing. Take it in without letting it serve, and write its price first"] : []),
  ];
}

/** Of an alias what can be doubted. */
export type AliasEdit = { name: string; targets: readonly { name: string }[] };

/** The way from one of an alias's targets back to it over everyone's other aliases, as names; undefined: there is none. */
function loopOf({ name, targets }: AliasEdit, catalog: Catalog): readonly string[] | undefined {
  const seen = new Set<string>();
  const from = (at: string, way: readonly string[]): readonly string[] | undefined => {
    if (seen.has(at)) return undefined;
    seen.add(at);
    for (const next of catalog.aliases.get(`/${at}`)?.targets ?? []) {
      const found = next.name === name ? [...way, at] : from(next.name, [...way, at]);
      if (found) return found;
    }
    return undefined;
  };
  for (const target of targets) {
    const found = target.name === name ? undefined : from(target.name, []);
    if (found) return found;
  }
  return undefined;
}

/** What speaks against one of everyone's aliases. `leads`: whether a target means anybody; of one that the catalog does not know, what it may be a slip for. */
export function aliasDoubts(alias: AliasEdit, catalog: Catalog, leads: (target: string) => { to: "somebody" | "nobody"; slip?: string | undefined }): string[] {
  const { name, targets } = alias;
  const loop = loopOf(alias, catalog);
  const whose = catalog.models.has(name) ? `a model is called ${name}` : catalog.byUpstreamId.has(name) ? `${catalog.byUpstreamId.get(name)![0]!.name} is called ${name}` : undefined;
  return [
    ...(whose && !targets.some((target) => target.name === name) ? [`${whose}: requests for it would go to the alias's targets instead`] : []),
    ...(loop ? [`it leads back to itself by way of ${loop.join(", ")}`] : []),
    ...targets.flatMap(({ name: target }) => {
      const { to, slip } = leads(target);
      return to === "nobody" || slip !== undefined ? [`${to === "nobody" ? `nobody serves ${target}` : `${target} is not in the catalog`}${slip === undefined ? "" : `: a slip for ${slip}?`}`] : [];
    }),
  ];
}
