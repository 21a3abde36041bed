/** How a person signs in, each kind of way a card: password, passkeys, GitHub and Google. */
import type { LinkedAccount, Passkey, SignInWays } from "../../accounts/sign-in-ways.ts";
import { passwordLength, providersOf } from "../auth.ts";
import { dayOfYear } from "../figures.ts";
import { passkeysAt } from "../passkeys.ts";
import { providerNames, type ProviderName } from "../providers.ts";
import type { PersonVisit } from "../visit.ts";
import { TextField, type Typed } from "./field.tsx";
import { Badge, Card, Submit, Table } from "./parts.tsx";
import { AddPasskey } from "./ways.tsx";

const action = (name: string): string => `/dashboard/account/${name}`;

const Password = ({ visit: { person: { email } }, has, typed }: { visit: PersonVisit; has: boolean; typed: Typed | undefined }) => (has ? (
  <Card title="Password" note="Changing it ends all your other sessions.">
    <form method="post" action={action("password")} class="form line">
      <input type="text" name="username" autocomplete="username" value={email} readonly hidden />
      <TextField name="present" label="Present password" type="password" autocomplete="current-password" from={typed} maxlength={passwordLength.max} />
      <TextField name="password" label="New password" type="password" autocomplete="new-password" from={typed} minlength={passwordLength.min} maxlength={passwordLength.max} />
      <Submit look="secondary">Change it</Submit>
    </form>
    <p class="note">Forgot it? <a href="/dashboard/forgot">A link</a> lets you choose a new one.</p>
  </Card>
) : (
  <Card title="Password" note="You have none. A link that comes by e-mail lets you choose one.">
    <form method="post" action="/dashboard/forgot"><input type="hidden" name="email" value={email} /><Submit look="secondary" icon="mail">Send me the link</Submit></form>
  </Card>
));

const PasskeyForms = ({ one: { id, name } }: { one: Passkey }) => (
  <div class="row">
    <details class="more"><summary>Rename or remove<span class="hidden"> {name}</span></summary><div>
      <form method="post" action={action("passkeys/name")} class="form"><input type="hidden" name="id" value={id} />
        <label class="hidden" for={`name-${id}`}>Name of the passkey {name}</label><input id={`name-${id}`} name="name" type="text" value={name} required maxlength={60} autocomplete="off" />
        <div><Submit look="secondary">Save</Submit></div></form>
      <form method="post" action={action("passkeys/remove")}><input type="hidden" name="id" value={id} /><Submit look="danger">Remove<span class="hidden"> {name}</span></Submit></form>
    </div></details>
  </div>
);

const Passkeys = ({ visit: { origin }, passkeys }: { visit: PersonVisit; passkeys: Passkey[] }) => (
  <Card title="Passkeys" note="Sign in with a finger, a face or your device's PIN. Nobody can guess one, or talk you out of it." flush={passkeys.length > 0}>
    {passkeys.length > 0 && <Table caption="Passkeys" rows={passkeys} columns={[
      { label: "Passkey", cell: ({ name }) => name },
      { label: "Kept", cell: ({ isBackedUp }) => <Badge tone={isBackedUp ? "good" : "neutral"}>{isBackedUp ? "in a password manager" : "on one device"}</Badge> },
      { label: "Since", cell: ({ sinceMs }) => dayOfYear(sinceMs) },
      { label: "Change", cell: (one) => <PasskeyForms one={one} /> },
    ]} />}
    <div class={passkeys.length > 0 ? "end" : undefined}>
      {passkeysAt(origin) ? <><AddPasskey /><p class="note" data-passkey-unable hidden>This browser cannot make passkeys.</p></> : <p class="note">Passkeys belong to a name. This gateway is reached by an IP address: open it as <code>localhost</code>, or by its domain.</p>}
      <noscript><p class="note">Adding one needs JavaScript.</p></noscript>
    </div>
  </Card>
);

type Line = { name: ProviderName; linked: LinkedAccount | undefined };

const Linked = ({ visit, linked }: { visit: PersonVisit; linked: LinkedAccount[] }) => {
  const configured = Object.keys(providersOf(visit.isolate.settings)) as ProviderName[];
  const lines: Line[] = configured.flatMap((name): Line[] => {
    const own = linked.filter(({ provider }) => provider === name);
    return own.length === 0 ? [{ name, linked: undefined }] : own.map((one) => ({ name, linked: one }));
  });
  if (lines.length === 0) return null;
  return (
    <Card title="Accounts elsewhere" note="They open your account here, and see nothing of it." flush>
      <Table caption="Accounts elsewhere" rows={lines} columns={[
        { label: "Account", cell: ({ name }) => providerNames[name] },
        { label: "State", cell: ({ linked: one }) => (one ? <span class="badges"><Badge tone="good">linked</Badge> <span class="note">since {dayOfYear(one.sinceMs)}</span></span> : <Badge>not linked</Badge>) },
        { label: "Change", cell: ({ name, linked: one }) => (one
          ? <form method="post" action={action("unlink")}><input type="hidden" name="id" value={one.id} /><Submit look="secondary">Unlink<span class="hidden"> {providerNames[name]}</span></Submit></form>
          : <form method="post" action={action(`link/${name}`)}><Submit look="secondary">Link<span class="hidden"> {providerNames[name]}</span></Submit></form>) },
      ]} />
    </Card>
  );
};

/** All of them. `typed`: of the form that was wrong. */
export const SignInWaysCards = ({ visit, ways: { hasPassword, linked, passkeys }, typed }: { visit: PersonVisit; ways: SignInWays; typed: Typed | undefined }) => (
  <>
    <Password visit={visit} has={hasPassword} typed={typed} />
    <Passkeys visit={visit} passkeys={passkeys} />
    <Linked visit={visit} linked={linked} />
  </>
);
