/** What a key can call on this installation. Pure. */
import { modelKinds, type Model, type ModelKind } from "../catalog/index.ts";
import { selfHosted } from "../providers/index.ts";
import { usualNeeds } from "./needs.ts";
import { weigh } from "./plan.ts";
import type { Attempt, Question } from "./question.ts";
import { nameOf } from "./resolve.ts";

type Named = { id: string; owner: string; createdAtMs: number; model?: Model };

/** One public name. `createdAtMs` is 0 when nobody knows; `model` is what the catalog knows of it; `kind` is what it is for, `first` whom a plain request is sent to. */
export type CallableModel = Named & { kind: ModelKind; first: Attempt };

/**
 * Every name that would be planned for this principal, in one protocol or in whichever its providers speak: aliases, models by
 * bare id and by `provider/id`, the self-hosted server's own. Sorted by id, each once.
 */
export function callableModels(question: Pick<Question, "principal" | "catalog" | "atMs" | "selfHostedModels" | "endpoints"> & { protocols?: readonly string[] }): CallableModel[] {
  const { principal, protocols } = question;
  /** An alias is one of what it means for something: a conversation, vectors, … */
  function planned(model: Named): CallableModel[] {
    for (const kind of model.model ? [model.model.kind] : modelKinds) {
      const [first] = weigh({ ...question, name: model.id, protocols, sovereign: principal.sovereign, kind, needs: () => ({ ...usualNeeds, kind }) }).attempts;
      if (first) return [{ ...model, kind, first }];
    }
    return [];
  }
  const named = new Map(everyName(question).map((model) => [model.id, model]));
  return [...named.values()].flatMap(planned).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Every name that is written down somewhere, in the reverse of the order in which they are looked up. */
function everyName({ principal, catalog, selfHostedModels }: Pick<Question, "principal" | "catalog" | "selfHostedModels">): Named[] {
  const ofModels = [...catalog.byName.values()].flatMap((deployment) => {
    const { owner, releasedAt, id } = deployment.model;
    return [id, nameOf(deployment)].map((name) => ({ id: name, owner, createdAtMs: releasedAt ?? 0, model: deployment.model }));
  });
  const own = selfHostedModels.flatMap((name) => [name, nameOf({ provider: selfHosted.id, upstreamId: name })])
    .map((id) => ({ id, owner: selfHosted.id, createdAtMs: 0 }));
  const aliases = [...catalog.aliases.keys()].flatMap((key) => {
    const slash = key.indexOf("/");
    const visible = slash === 0 || key.slice(0, slash) === principal.organisationId;
    return visible ? [{ id: key.slice(slash + 1), owner: "forge", createdAtMs: 0 }] : [];
  });
  return [...ofModels, ...own, ...aliases];
}
