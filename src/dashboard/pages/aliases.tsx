/** /dashboard/aliases: names that stand for models, whom they lead to now, and why not to the others. */
import * as z from "zod";
import type { Alias, PickBy } from "../../catalog/index.ts";
import type { Survey } from "../../pipeline/index.ts";
import { leadOf, surveyOf } from "../callable.ts";
import { TextField } from "../components/field.tsx";
import { Badge, Card, EmptyState, Notice, PageHeader, Submit } from "../components/parts.tsx";
import { Attempts, Excluded, vitalsNote } from "../components/vitals.tsx";
import { show } from "../page.tsx";
import { member } from "../visit.ts";
import { CatalogTabs } from "./models.tsx";

/** So many are shown at once; the others can be asked for by name. */
const mostAliases = 30;

const pickWords: Record<PickBy, string> = {
  order: "in the order of its targets", cheapest: "the least price first", fastest: "whose first token comes soonest first", throughput: "whose tokens come fastest first", weighted: "by chance, as its targets are weighted",
};

const targetText = ({ name, weight }: Alias["targets"][number], pick: PickBy): string => (pick === "weighted" ? `${name} × ${weight}` : name);

const nameSchema = z.string().trim().min(1).max(200).optional().catch(undefined);

/** What a name comes to, as a dry run has it. */
function Leads({ name, known, alias, whose }: { name: string; known: Survey; alias?: Alias | undefined; whose?: string }) {
  const { attempts, excluded, pick, kind, error } = leadOf(known, name);
  return (
    <Card title={name} flush={attempts.length > 0} note={alias ? `Means ${pickWords[alias.pick]}${pick && pick !== alias.pick ? `; now ${pickWords[pick]}` : ""}.` : undefined}
      action={<span class="badges">{kind !== "chat" && <Badge tone="accent">{kind}</Badge>}{whose && <Badge>{whose}</Badge>}{alias?.hedges && <Badge>hedged</Badge>}{alias?.continues && <Badge>goes on elsewhere</Badge>}</span>}>
      {alias && <p class={`chips${attempts.length > 0 ? " card-line" : ""}`}>{alias.targets.map((target) => <code>{targetText(target, alias.pick)}</code>)}</p>}
      {error ? <Notice tone="warn">{error}</Notice> : <Attempts caption={`Whom ${name} leads to`} attempts={attempts} known={known} />}
      {excluded.length > 0 && <div class={attempts.length > 0 ? "card-foot" : undefined}><Excluded excluded={excluded} /></div>}
    </Card>
  );
}

/** Everyone's aliases and the organisation's, whose own is before everyone's of the same name. */
function visibleAliases({ catalog, principal: { organisationId } }: Survey): { name: string; alias: Alias; own: boolean }[] {
  const all = [...catalog.aliases].map(([key, alias]) => ({ name: key.slice(key.indexOf("/") + 1), owner: key.slice(0, key.indexOf("/")), alias }));
  const own = new Set(all.filter(({ owner }) => owner === organisationId).map(({ name }) => name));
  return all.filter(({ owner, name }) => owner === organisationId || (owner === "" && !own.has(name)))
    .map(({ name, owner, alias }) => ({ name, alias, own: owner !== "" })).toSorted((a, b) => Number(b.own) - Number(a.own) || (a.name < b.name ? -1 : 1));
}

export const aliases = [
  member("see", "GET", "/aliases", async (visit) => {
    const asked = nameSchema.parse(visit.c.req.query("name"));
    const known = await surveyOf(visit);
    const all = visibleAliases(known);
    const shown = asked === undefined ? all.slice(0, mostAliases) : [];
    const found = all.find(({ name }) => name === asked);
    return show(visit, {
      title: "Aliases",
      in: "/models",
      body: <>
        <PageHeader title="Aliases" lead="Names that stand for models, and whom a plain request for each would be sent to now: a dry run, as POST /v1/route makes one." />
        <CatalogTabs at="aliases" />
        <Card><form method="get" action="/dashboard/aliases" class="filter">
          <TextField name="name" label="Where does a name lead?" value={asked} maxlength={200} placeholder="auto, gpt-4o, openrouter/anthropic/… , fast:floor" /><Submit look="secondary" icon="route">Look</Submit>
        </form></Card>
        {asked !== undefined && <Leads name={asked} known={known} alias={found?.alias} />}
        {shown.map(({ name, alias, own }) => <Leads name={name} known={known} alias={alias} whose={own ? "yours" : "everyone's"} />)}
        {asked === undefined && all.length === 0 && <Card><EmptyState icon="route" title="There are no aliases">Who runs this gateway makes them, for everyone or for one organisation.</EmptyState></Card>}
        {asked === undefined && all.length > mostAliases && <p class="note">The first {mostAliases} of {all.length}. Ask for the others by name.</p>}
        <p class="note">{vitalsNote}</p>
      </>,
    });
  }),
];
