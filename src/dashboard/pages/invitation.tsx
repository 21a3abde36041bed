/**
 * Joining an organisation. The link's token proves the address that it was sent to, as the link to a password does, but only for somebody who has no
 * account yet: who has one signs in as always. Whoever is signed in sees what their own address is invited to.
 */
import * as z from "zod";
import { acceptInvitation, invitationBy, invitationsTo, revokeInvitation, type Invitation } from "../../accounts/invitations.ts";
import { isKnownPerson } from "../../accounts/people.ts";
import { TextField } from "../components/field.tsx";
import { Badge, ButtonLink, Card, EmptyState, Notice, PageHeader, Submit } from "../components/parts.tsx";
import { nameField, readForm } from "../form.ts";
import { asking } from "../limits.ts";
import { linkFor } from "../link.ts";
import { show } from "../page.tsx";
import { attempt, type Told } from "../settings.tsx";
import { anyone, choose, go, person, type PersonVisit, type Visit } from "../visit.ts";

const tokenField = z.string().min(1).max(100);
const answerSchema = z.object({ organisation: z.string().min(1).max(64) });
const accountSchema = z.object({ token: tokenField, name: nameField() });

const Offer = ({ one }: { one: Invitation }) => (
  <Card title={one.organisationName} note={<>{one.invitedBy} invites you, as <Badge>{one.role}</Badge></>}>
    <div class="row">
      <form method="post" action="/dashboard/invitation/accept"><input type="hidden" name="organisation" value={one.organisationId} /><Submit>Join</Submit></form>
      <form method="post" action="/dashboard/invitation/decline"><input type="hidden" name="organisation" value={one.organisationId} /><Submit look="quiet">Decline</Submit></form>
    </div>
  </Card>
);

/** What somebody who is signed in is invited to. */
async function offers(visit: PersonVisit, { problem, status }: Told = {}): Promise<Response> {
  const list = await invitationsTo(visit.env.DB, visit.person.email, visit.nowMs);
  return show(visit, {
    title: "Invitations",
    status,
    body: <>
      <PageHeader title="Invitations" lead={`To ${visit.person.email}`} />
      {problem && <Notice tone="bad">{problem}</Notice>}
      {list.map((one) => <Offer one={one} />)}
      {list.length > 0 && visit.memberships.length === 0 && <p class="note">Or <a href="/dashboard/welcome?own">found an organisation of your own</a>.</p>}
      {list.length === 0 && <EmptyState icon="mail" title="No invitation" action={<ButtonLink href="/dashboard" look="secondary">Go on</ButtonLink>}>This address is invited to nothing at the moment. A link that was sent to another address works for whoever is signed in with that one.</EmptyState>}
    </>,
  });
}

const signInFirst = `/dashboard/sign-in?next=${encodeURIComponent("/dashboard/invitation")}`;

const gone = (visit: Visit) => show(visit, {
  title: "Invitation",
  status: 404,
  body: <EmptyState icon="mail" title="This invitation is no more" action={<ButtonLink href={signInFirst} look="secondary">Sign in</ButtonLink>}>It has been taken up or taken back, or is older than seven days. Whoever invited you can send another.</EmptyState>,
});

/** For somebody who is not signed in. */
async function welcome(visit: Visit, token: string, { typed, problem, status }: Told = {}): Promise<Response> {
  const invitation = await invitationBy(visit.env.DB, token, visit.nowMs);
  if (!invitation) return gone(visit);
  const isKnown = await isKnownPerson(visit.env.DB, invitation.email);
  return show(visit, {
    title: `Join ${invitation.organisationName}`,
    status: status ?? (typed?.errors ? 422 : 200),
    body: <>
      <PageHeader title={`Join ${invitation.organisationName}`} lead={<>{invitation.invitedBy} invites {invitation.email}, as <Badge>{invitation.role}</Badge></>} />
      {problem && <Notice tone="bad">{problem}</Notice>}
      {isKnown
        ? <ButtonLink href={signInFirst} wide>Sign in to join</ButtonLink>
        : <form method="post" action="/dashboard/invitation/account" class="form">
          <input type="hidden" name="token" value={token} />
          <TextField name="name" label="Your name" autocomplete="name" from={typed} maxlength={100} />
          <Submit wide>Go on to your password</Submit>
        </form>}
    </>,
  });
}

export const invitation = [
  anyone("GET", "/invitation", (visit) => {
    if (visit.person) return offers(visit as PersonVisit);
    return welcome(visit, tokenField.safeParse(visit.c.req.query("token")).data ?? "");
  }),

  anyone("POST", "/invitation/account", async (visit) => {
    const form = await readForm(visit, accountSchema);
    const { token = "" } = form.values;
    if (!form.ok) return welcome(visit, token, { typed: form });
    const found = await invitationBy(visit.env.DB, token, visit.nowMs);
    if (!found || (await isKnownPerson(visit.env.DB, found.email))) return welcome(visit, token);
    if ((await asking(visit, found.email)) > 0) return welcome(visit, token, { problem: "Too many tries. Try again in an hour.", status: 429 });
    const link = await linkFor(visit.env, visit.isolate.settings, visit.origin, { email: found.email, name: form.data.name });
    return link === undefined ? gone(visit) : visit.c.redirect(link, 303);
  }),

  person("POST", "/invitation/accept", async (visit) => {
    const form = await readForm(visit, answerSchema);
    if (!form.ok) return offers(visit, { status: 422 });
    return attempt(async () => {
      await acceptInvitation(visit.env.DB, { actor: visit.person.email, nowMs: visit.nowMs }, form.data.organisation, visit.person.email);
      choose(visit, form.data.organisation);
      return go(visit, "", "You have joined.");
    }, (told) => offers(visit, told));
  }),

  person("POST", "/invitation/decline", async (visit) => {
    const form = await readForm(visit, answerSchema);
    if (!form.ok) return offers(visit, { status: 422 });
    return attempt(async () => {
      await revokeInvitation(visit.env.DB, { actor: visit.person.email, nowMs: visit.nowMs }, form.data.organisation, visit.person.email);
      return go(visit, "/invitation", "You have declined.");
    }, (told) => offers(visit, told));
  }),
];
