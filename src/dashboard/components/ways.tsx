/** The ways to sign in beside a password, as forms. */
import type { Settings } from "../../env.ts";
import { providersOf } from "../auth.ts";
import { providerNames, type ProviderName } from "../providers.ts";
import { Submit } from "./parts.tsx";

const namesOf = (settings: Settings) => Object.keys(providersOf(settings)) as ProviderName[];
const Next = ({ next }: { next?: string | undefined }) => (next ? <input type="hidden" name="next" value={next} /> : null);
const Or = () => <p class="divider">or</p>;

/** Their own signs, as their rules for such buttons ask. */
const signs: Record<ProviderName, string> = {
  github: "M12 .3a12 12 0 0 0-3.8 23.4c.6.1.8-.3.8-.6v-2c-3.3.7-4-1.6-4-1.6-.6-1.4-1.4-1.8-1.4-1.8-1-.7.1-.7.1-.7 1.2.1 1.8 1.2 1.8 1.2 1 1.8 2.8 1.3 3.5 1 .1-.8.4-1.3.8-1.6-2.7-.3-5.5-1.3-5.5-6 0-1.2.5-2.3 1.3-3.1-.2-.4-.6-1.6 0-3.2 0 0 1-.3 3.4 1.2a11.5 11.5 0 0 1 6 0c2.3-1.5 3.3-1.2 3.3-1.2.6 1.6.2 2.8 0 3.2.9.8 1.3 1.9 1.3 3.2 0 4.6-2.8 5.6-5.5 5.9.5.4.9 1 .9 2.2v3.3c0 .3.1.7.8.6A12 12 0 0 0 12 .3",
  google: "M12.48 10.92v3.28h7.84c-.24 1.84-.853 3.187-1.787 4.133-1.147 1.147-2.933 2.4-6.053 2.4-4.827 0-8.6-3.893-8.6-8.72s3.773-8.72 8.6-8.72c2.6 0 4.507 1.027 5.907 2.347l2.307-2.307C18.747 1.44 16.133 0 12.48 0 5.867 0 .307 5.387.307 12s5.56 12 12.173 12c3.573 0 6.267-1.173 8.373-3.36 2.16-2.16 2.84-5.213 2.84-7.667 0-.76-.053-1.467-.173-2.053H12.48z",
};
const Sign = ({ of }: { of: ProviderName }) => <svg class="brand" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d={signs[of]} /></svg>;

/** GitHub and Google, where they are set up. */
const ProviderForms = ({ names, next }: { names: ProviderName[]; next?: string | undefined }) => <>{names.map((name) => (
  <form method="post" action={`/dashboard/sign-in/with/${name}`}><Next next={next} /><Submit look="secondary" sign={<Sign of={name} />} wide>Continue with {providerNames[name]}</Submit></form>
))}</>;

/** Signing up with what is set up. */
export function Providers({ settings }: { settings: Settings }) {
  const names = namesOf(settings);
  return names.length === 0 ? null : <><Or /><ProviderForms names={names} /></>;
}

/** What the device says, as islands/passkeys.ts fills it in. */
const FromDevice = () => <><input type="hidden" name="credential" /><p class="error" role="alert" data-passkey-problem hidden></p></>;

/** All ways to sign in beside a password. `next`: where to go on to. islands/passkeys.ts shows the one by a passkey where the browser can. */
export function OtherWays({ settings, next, passkeys }: { settings: Settings; next?: string | undefined; passkeys: boolean }) {
  const names = namesOf(settings);
  return (
    <>
      {names.length > 0 && <Or />}
      {passkeys && <div class="stack" data-passkey-place hidden>
        {names.length === 0 && <Or />}
        <form method="post" action="/dashboard/sign-in/passkey" class="form" data-passkey="get" data-options="/dashboard/sign-in/passkey/options">
          <Next next={next} />
          <FromDevice />
          <Submit look="secondary" icon="key" wide>Sign in with a passkey</Submit>
        </form>
      </div>}
      <ProviderForms names={names} next={next} />
    </>
  );
}

/** Adding a passkey, as above. */
export const AddPasskey = () => (
  <div data-passkey-place hidden>
    <form method="post" action="/dashboard/account/passkeys" class="form" data-passkey="create" data-options="/dashboard/account/passkeys/options">
      <FromDevice />
      <div><Submit look="secondary" icon="plus">Add a passkey</Submit></div>
    </form>
  </div>
);
