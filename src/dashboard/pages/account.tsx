/** What a person sees and changes about themselves: their name, where they are signed in, what they belong to; how they sign in stands in account-ways.tsx. */
import * as z from "zod";
import { invitationsTo } from "../../accounts/invitations.ts";
import { removeMember } from "../../accounts/members.ts";
import { renamePerson } from "../../accounts/people.ts";
import { endOtherSessions, endSession, sessionsOf, type PersonSession } from "../../accounts/people-sessions.ts";
import { signInWays } from "../../accounts/sign-in-ways.ts";
import { founding, mostFounded, type Founding } from "../admission.ts";
import { TextField } from "../components/field.tsx";
import { Time } from "../components/facts.tsx";
import { Badge, ButtonLink, Card, Notice, PageHeader, Submit, Table } from "../components/parts.tsx";
import { SignInWaysCards } from "../components/account-ways.tsx";
import { addressInWords, deviceOf } from "../device.ts";
import { relative } from "../figures.ts";
import { nameField, readForm } from "../form.ts";
import { show } from "../page.tsx";
import { whyNot } from "../providers.ts";
import { attempt, type Told } from "../settings.tsx";
import { go, isFresh, person, type PersonVisit } from "../visit.ts";

export const path = "/account";

const nameSchema = z.object({ name: nameField() });
const sessionSchema = z.object({ session: z.string().min(1).max(64) });
const leaveSchema = z.object({ organisation: z.string().min(1).max(64) });

/** Who changes something about themselves. */
export const byThemselves = ({ person: { email }, nowMs }: PersonVisit) => ({ actor: email, nowMs });

const Sessions = ({ sessions, own, nowMs }: { sessions: PersonSession[]; own: string; nowMs: number }) => (
  <Card title="Where you are signed in" note="As each browser tells it. A session ends a week after it was used last." flush>
    <Table caption="Sessions" rows={sessions} columns={[
      { label: "Browser", cell: ({ id, userAgent }) => <span>{deviceOf(userAgent)}{id === own && <> <Badge tone="good">this one</Badge></>}</span> },
      { label: "Address", cell: ({ address }) => addressInWords(address) },
      { label: "Last seen", cell: ({ id, seenAtMs }) => (id === own ? "now" : <Time ms={seenAtMs}>{relative(seenAtMs, nowMs)}</Time>) },
      { label: "Since", cell: ({ sinceMs }) => <Time ms={sinceMs}>{relative(sinceMs, nowMs)}</Time> },
      { label: "Change", cell: ({ id, userAgent }) => (id === own ? <span class="note">sign out below</span> : (
        <form method="post" action={`/dashboard${path}/sessions/end`}><input type="hidden" name="session" value={id} /><Submit look="secondary">End<span class="hidden"> the session of {deviceOf(userAgent)}</span></Submit></form>
      )) },
    ]} />
    <div class="end">
      <form method="post" action="/dashboard/sign-out"><Submit look="quiet" icon="leave">Sign out here</Submit></form>
      {sessions.length > 1 && <form method="post" action={`/dashboard${path}/sessions/end-others`}><Submit look="danger">End all others</Submit></form>}
    </div>
  </Card>
);

/** What can be done about one organisation more. */
const another: Record<"may" | Exclude<Founding, { may: true }>["why"], { label: string } | undefined> = {
  may: { label: "New organisation" }, apply: { label: "Apply for one" }, waiting: { label: "Your application" }, declined: undefined, closed: undefined, enough: undefined,
};

type OrganisationsProps = Pick<PersonVisit, "memberships"> & { may: Founding; invited: boolean };
const Organisations = ({ memberships, may, invited }: OrganisationsProps) => {
  const more = another[may.may ? "may" : may.why];
  return <Card title="Your organisations" action={<div class="row">
    {invited && <ButtonLink href="/dashboard/invitation" look="secondary" icon="mail">Your invitations</ButtonLink>}
    {more && <ButtonLink href="/dashboard/welcome?own" look="secondary" icon="plus">{more.label}</ButtonLink>}
  </div>} note={memberships.length === 0 ? "None yet." : `The last owner of one stays.${!may.may && may.why === "enough" ? ` You have founded ${mostFounded}, which is as many as one person may.` : ""}`} flush={memberships.length > 0}>
    {memberships.length > 0 && <Table caption="Organisations" rows={memberships} columns={[
      { label: "Organisation", cell: ({ organisationName }) => organisationName },
      { label: "Role", cell: ({ role }) => <Badge tone={role === "owner" ? "accent" : "neutral"}>{role}</Badge> },
      { label: "Change", cell: ({ organisationId, organisationName }) => (
        <form method="post" action={`/dashboard${path}/leave`}><input type="hidden" name="organisation" value={organisationId} /><Submit look="secondary" icon="leave">Leave<span class="hidden"> {organisationName}</span></Submit></form>
      ) },
    ]} />}
  </Card>;
};

/** The page, with what the last action has to say. */
export async function accountPage(visit: PersonVisit, { typed, problem, status }: Told = {}): Promise<Response> {
  const { env, person: { id, name, email }, session, nowMs } = visit;
  const [sessions, ways, may, invitations] = await Promise.all([sessionsOf(env.DB, id, nowMs), signInWays(env.DB, id), founding(visit), invitationsTo(env.DB, email, nowMs)]);
  return show(visit, {
    title: "Your account",
    in: path,
    islands: ["passkeys"],
    status: status ?? (typed?.errors ? 422 : 200),
    body: <div class="stack wide-page">
      <PageHeader title="Your account" lead={email}>{!visit.membership && <ButtonLink href="/dashboard" look="secondary">Back</ButtonLink>}</PageHeader>
      {problem && <Notice tone="bad">{problem}</Notice>}
      {!isFresh(visit) && <Notice>You signed in {relative(session.sinceMs, nowMs)}. To change how you sign in, <a href={`/dashboard${againPath}`}>sign in again</a> first.</Notice>}
      <Card title="Who you are" note="The address is what organisations know you by. It stays.">
        <form method="post" action={`/dashboard${path}/name`} class="row grow">
          <TextField name="name" label="Your name" autocomplete="name" value={name} from={typed?.values?.["name"] === undefined ? undefined : typed} maxlength={100} />
          <Submit look="secondary">Save</Submit>
        </form>
      </Card>
      <SignInWaysCards visit={visit} ways={ways} typed={typed} />
      <Sessions sessions={sessions} own={session.id} nowMs={nowMs} />
      <Organisations memberships={visit.memberships} may={may} invited={invitations.length > 0} />
    </div>,
  });
}

/** What could not be done, on the page. */
export const refused = (visit: PersonVisit, problem: string): Promise<Response> => accountPage(visit, { problem, status: 422 });

const againPath = `/sign-in?again&next=${encodeURIComponent(`/dashboard${path}`)}`;

/** To the page to sign in on, and back here. */
export const signInAgain = (visit: PersonVisit): Response => go(visit, againPath);

export const account = [
  person("GET", path, (visit) => {
    const error = visit.c.req.query("error");
    return accountPage(visit, error === undefined ? {} : { problem: whyNot(error) });
  }),

  person("POST", `${path}/name`, async (visit) => {
    const form = await readForm(visit, nameSchema);
    if (!form.ok) return accountPage(visit, { typed: form });
    await renamePerson(visit.env.DB, byThemselves(visit), visit.person.id, form.data.name);
    return go(visit, path, "Your name is changed.");
  }),

  person("POST", `${path}/sessions/end`, async (visit) => {
    const form = await readForm(visit, sessionSchema);
    const ended = form.ok && form.data.session !== visit.session.id && (await endSession(visit.env.DB, byThemselves(visit), visit.person.id, form.data.session));
    return go(visit, path, ended ? "That session is over." : "That session was over already.");
  }),

  person("POST", `${path}/sessions/end-others`, async (visit) => {
    const ended = await endOtherSessions(visit.env.DB, byThemselves(visit), visit.person.id, visit.session.id);
    return go(visit, path, ended === 1 ? "The other session is over." : `${ended} other sessions are over.`);
  }),

  person("POST", `${path}/leave`, async (visit) => {
    const form = await readForm(visit, leaveSchema);
    const membership = form.ok && visit.memberships.find(({ organisationId }) => organisationId === form.data.organisation);
    if (!membership) return refused(visit, "You do not belong to that organisation.");
    return attempt(async () => {
      await removeMember(visit.env.DB, { ...byThemselves(visit), role: membership.role }, membership.organisationId, visit.person.email);
      return go(visit, path, `You have left ${membership.organisationName}.`);
    }, (told) => accountPage(visit, told));
  }),
];
