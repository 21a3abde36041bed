/** The first key: shown once, with what to do with it, and a lamp that turns green when it has been used. */
import * as z from "zod";
import { listKeys } from "../../accounts/key-record.ts";
import { keyPolicySchema } from "../../accounts/policy.ts";
import { lastRefused, refusalWords, requestsOfKey, type KeptRefusal } from "../../ledger/index.ts";
import { TextField, type Typed } from "../components/field.tsx";
import { PageHeader, Submit } from "../components/parts.tsx";
import { Secret } from "../components/secret.tsx";
import { Once } from "../components/once.tsx";
import { Steps } from "../components/steps.tsx";
import { nameField, readForm } from "../form.ts";
import { keyByForm, keyIsThere, ownKey } from "../own-key.ts";
import { onceField } from "../once.ts";
import { show } from "../page.tsx";
import { go, member, type MemberVisit } from "../visit.ts";

const schema = z.object({ name: nameField(), once: onceField });

const hasKeys = async ({ env, membership }: MemberVisit): Promise<boolean> => (await listKeys(env.DB, { organisationId: membership.organisationId, limit: 1 })).length > 0;

const page = (visit: MemberVisit, typed?: Typed) => show(visit, {
  title: "Your first key",
  status: typed?.errors ? 422 : 200,
  body: <>
    <Steps now={3} />
    <PageHeader title="Your first key" lead="One key, one base URL, every model. Name it after what will use it." />
    <form method="post" action="/dashboard/first-key" class="form"><Once from={typed} /><TextField name="name" label="Name of the key" from={typed} value="My first key" maxlength={100} /><Submit wide icon="key">Create the key</Submit></form>
  </>,
});

/** How many finished requests a key has, as its meter knows, and what its last refused one was told. */
async function countOf({ env, isolate }: MemberVisit, keyId: string): Promise<{ requests: number; refused: string | null }> {
  await isolate.meters.of(keyId).flush();
  const [requests, last] = await Promise.all([requestsOfKey(env.DB, keyId), lastRefused(env.DB, keyId)]);
  return { requests, refused: last ? refusedWords(last) : null };
}

function refusedWords({ code, model }: KeptRefusal): string {
  const { reason, remedy } = refusalWords(code);
  return `A request came and was refused: ${code}${model === null ? "" : ` (${model})`} — ${reason} ${remedy} Still waiting.`;
}

const made = (visit: MemberVisit, { keyId, secret }: { keyId: string; secret: string }) => show(visit, {
  title: "Your key",
  islands: ["waiting"],
  body: <div class="wide-page stack">
    <PageHeader title="Your key" lead="Copy it now: it is shown this once and stored nowhere." />
    <Secret origin={visit.origin} keyId={keyId} secret={secret} next={{ href: "/dashboard", label: "To the overview" }} />
  </div>,
});

export const firstKey = [
  member("change_keys", "GET", "/first-key", async (visit) => ((await hasKeys(visit)) ? go(visit, "") : page(visit))),
  member("change_keys", "POST", "/first-key", async (visit) => {
    const form = await readForm(visit, schema);
    if (!form.ok) return page(visit, form);
    if (await hasKeys(visit)) return go(visit, "", "Your organisation has a key already.");
    // Usage and budgets by member go by it. What is no address there is left out.
    const policy = keyPolicySchema.safeParse({ member: visit.person.email }).data ?? keyPolicySchema.parse({});
    const { key, secret } = await keyByForm(visit, form.data.once, { name: form.data.name, policy, expiresAtMs: null });
    if (secret === undefined) return go(visit, `/keys/${key.id}`, keyIsThere);
    return made(visit, { keyId: key.id, secret });
  }),
  member("see_keys", "GET", "/first-key/:id", async (visit) => {
    const key = await ownKey(visit, visit.c.req.param("id")!);
    return visit.c.json(await countOf(visit, key.id));
  }),
];
