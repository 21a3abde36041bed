/** The ways to sign in beside a password, as forms. */
import type { Settings } from "../../env.ts";
import { providersOf } from "../auth.ts";
import { providerNames, type ProviderName } from "../providers.ts";
import { Submit } from "./parts.tsx";

const namesOf = (settings: Settings) => Object.keys(providersOf(settings)) as ProviderName[];
const Next = ({ next }: { next?: string | undefined }) => (next ? <input type="hidden" name="next" value={next} /> : null);
const Or = () => <p class="divider">or</p>;

/** GitHub and Google, where they are set up. */
const ProviderForms = ({ names, next }: { names: ProviderName[]; next?: string | undefined }) => <>{names.map((name) => (
  <form method="post" action={`/dashboard/sign-in/with/${name}`}><Next next={next} /><Submit look="secondary" wide>Continue with {providerNames[name]}</Submit></form>
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
