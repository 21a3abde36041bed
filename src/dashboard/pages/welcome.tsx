/** Between an account and an organisation: founding one, or applying for it. */
import * as z from "zod";
import { apply } from "../../accounts/applications.ts";
import { invitationsTo } from "../../accounts/invitations.ts";
import { createOrganisation } from "../../accounts/organisations.ts";
import { GatewayError } from "../../errors.ts";
import { canMail } from "../../mail.ts";
import { adopt } from "../../pipeline/index.ts";
import { founding, mostFounded, type Founding } from "../admission.ts";
import { TextArea, TextField, type Typed } from "../components/field.tsx";
import { Once } from "../components/once.tsx";
import { ButtonLink, EmptyState, PageHeader, Submit } from "../components/parts.tsx";
import { Steps } from "../components/steps.tsx";
import { nameField, readForm } from "../form.ts";
import { digitsAfter, onceField } from "../once.ts";
import { show } from "../page.tsx";
import { choose, go, person, type PersonVisit } from "../visit.ts";

const organisationSchema = z.object({ name: nameField(), once: onceField });
const applicationSchema = z.object({ reason: z.string("Fill this in.").trim().min(10, "Say it in a sentence.").max(2000, "At most 2000 characters.") });

const Found = ({ typed }: { typed?: Typed }) => (
  <>
    <PageHeader title="Name your organisation" lead="Keys, budgets and people belong to it. It may be just you." />
    <form method="post" action="/dashboard/welcome" class="form">
      <Once from={typed} />
      <TextField name="name" label="Organisation" autocomplete="organization" from={typed} maxlength={100} placeholder="Acme" />
      <Submit wide>Create it</Submit>
    </form>
  </>
);

const Apply = ({ typed }: { typed?: Typed }) => (
  <>
    <PageHeader title="Apply for access" lead="The people who run this gateway read every application." />
    <form method="post" action="/dashboard/apply" class="form">
      <TextArea name="reason" label="What do you want to use it for?" from={typed} maxlength={2000} />
      <Submit wide>Send it</Submit>
    </form>
  </>
);

/** What each answer to "may they?" looks like. */
const views: Record<Exclude<Founding, { may: true }>["why"], (typed: Typed | undefined, visit: PersonVisit) => unknown> = {
  apply: (typed) => <Apply typed={typed} />,
  waiting: (_typed, { env, isolate: { settings }, person: { email } }) => (
    <EmptyState icon="mail" title="Your application is being read">{canMail(env, settings) ? `We'll e-mail ${email} as soon as it is decided.` : "This gateway sends no e-mail yet: come back here to see what was decided."}</EmptyState>
  ),
  declined: () => <EmptyState icon="alert" title="Your application was declined">Ask whoever runs this gateway why.</EmptyState>,
  closed: () => <EmptyState icon="people" title="You belong to no organisation yet">Ask an owner or admin of one to add your e-mail address, then load this page again.</EmptyState>,
  enough: () => <EmptyState icon="people" title="You have founded as many organisations as one person may">Ask whoever runs this gateway for more.</EmptyState>,
};

async function page(visit: PersonVisit, typed?: Typed): Promise<Response> {
  const now = await founding(visit);
  return show(visit, {
    title: "Welcome",
    status: typed?.errors ? 422 : 200,
    body: <>{visit.memberships.length === 0 && <Steps now={2} />}{now.may ? <Found typed={typed} /> : (views[now.why](typed, visit) as never)}<div class="row">{visit.membership && <ButtonLink href="/dashboard" look="quiet">Back to {visit.membership.organisationName}</ButtonLink>}<ButtonLink href="/dashboard/account" look="quiet">Your account</ButtonLink><form method="post" action="/dashboard/sign-out"><Submit look="quiet">Sign out</Submit></form></div></>,
  });
}

export const welcome = [
  person("GET", "/welcome", async (visit) => {
    if (visit.isOperator && visit.memberships.length === 0 && visit.c.req.query("own") === undefined) return go(visit, "/operator");
    const isInvited = visit.memberships.length === 0 && (await invitationsTo(visit.env.DB, visit.person.email, visit.nowMs)).length > 0;
    return isInvited && visit.c.req.query("own") === undefined ? go(visit, "/invitation") : page(visit);
  }),

  person("POST", "/welcome", async (visit) => {
    const form = await readForm(visit, organisationSchema);
    if (!form.ok) return page(visit, form);
    const { env, isolate, nowMs, memberships } = visit;
    const by = { actor: visit.person.email, nowMs };
    // It goes by who founds it: what they belong to already is not part of its name.
    const id = `org_${await digitsAfter({ ...visit, membership: undefined }, "organisation", form.data.once)}`;
    if (memberships.some(({ organisationId }) => organisationId === id)) {
      choose(visit, id);
      return go(visit, "/first-key");
    }
    if (!(await founding(visit)).may) return page(visit);
    try {
      const { accounts } = await createOrganisation(env.DB, by, { id, name: form.data.name, plan: isolate.settings.DASHBOARD_PLAN, sovereign: false, headerCredentials: false }, { email: visit.person.email, most: mostFounded });
      await adopt(env, [], accounts);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      if (error.code === "not_permitted") return page(visit);
      // A second click: the first one has founded it meanwhile.
      if (error.code !== "conflict") throw error;
    }
    choose(visit, id);
    return go(visit, "/first-key");
  }),

  person("POST", "/apply", async (visit) => {
    const form = await readForm(visit, applicationSchema);
    if (!form.ok) return page(visit, form);
    const now = await founding(visit);
    if (!now.may && (now.why === "apply" || now.why === "waiting")) {
      await apply(visit.env.DB, { actor: visit.person.email, nowMs: visit.nowMs }, { ...visit.person, reason: form.data.reason });
    }
    return go(visit, "/welcome");
  }),
];
