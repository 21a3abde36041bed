/** Everything about a key that its people decide. */
import { effectiveLimits, type Limits } from "../../accounts/policy.ts";
import { limitsInWords } from "../key-form.ts";
import { Check, Choice, Fields, TextField, type Typed } from "./field.tsx";
import { Once } from "./once.tsx";
import { ModelsField } from "./models-field.tsx";
import { ButtonLink, Card, Submit } from "./parts.tsx";

const disconnects = [["", "Stop a stream, finish a whole answer"], ["cancel", "Stop, and pay for what was seen"], ["drain", "Read on for the exact usage"]] as const;
const scopes = [["key", "Its own usage"], ["organisation", "The organisation's usage"]] as const;

/** What one key may use. */
export function LimitFields({ from }: { from?: Typed }) {
  const field = { from, required: false, maxlength: 30 } as const;
  return (
    <>
      <TextField {...field} name="requestsPerMinute" label="Requests a minute" inputmode="numeric" />
      <TextField {...field} name="tokensPerMinute" label="Tokens a minute" inputmode="numeric" />
      <TextField {...field} name="concurrentRequests" label="Requests at once" inputmode="numeric" />
      <TextField {...field} name="monthlyTokens" label="Tokens a month" inputmode="numeric" />
      <TextField {...field} name="monthlyNanoUsd" label="Budget a month, US $" inputmode="decimal" placeholder="50.00" />
      <TextField {...field} name="budgetNanoUsd" label="Budget in all, US $" inputmode="decimal" />
    </>
  );
}

/** `version`: of the key that is changed; a key that has changed meanwhile is shown again. */
export function KeyForm({ action, submit, plan, from, version, back = "/dashboard/keys" }: { action: string; submit: string; plan: Limits; from?: Typed; version?: number; back?: string }) {
  const field = { from, required: false, unsaid: true, maxlength: 30 } as const;
  return (
    <form method="post" action={action} class="form" novalidate>
      {version === undefined ? <Once from={from} /> : <input type="hidden" name="version" value={version} />}
      <Card><div class="form"><TextField name="name" label="Name" from={from} maxlength={100} placeholder="Checkout, production" /></div></Card>
      <Card>
        <Fields legend="Limits" note={`Empty: as your plan has it (${limitsInWords(effectiveLimits({}, plan)).join(", ")}).`}>
          <LimitFields from={from} />
        </Fields>
      </Card>
      <Card>
        <Fields legend="What it may call">
          <ModelsField from={from} empty="all that your organisation may call" />
          <div class="form">
            <Check name="sovereign" label="Sovereign only" from={from} hint="Its requests stay on your own servers; nothing goes to a provider." />
            <TextField {...field} name="expires" label="Last day" type="date" hint="It works to the end of that day, UTC." />
          </div>
        </Fields>
      </Card>
      <Card>
        <Fields legend="Policies">
          <TextField {...field} name="project" label="Project" maxlength={64} hint="Budgets and usage go by it." />
          <TextField {...field} name="member" label="Member" type="email" maxlength={200} hint="Whose key it is, by e-mail address." />
          <TextField {...field} name="tags" label="Tags" maxlength={1_100} hint="Up to 16, with commas between." />
          <Choice name="usageScope" label="It may ask for" from={from} options={scopes} hint="What GET /dashboard/usage tells it." />
          <Choice name="onDisconnect" label="When its client leaves early" from={from} options={disconnects} />
          <Check name="managesKeys" label="Manages keys" from={from} hint="It may make, change and end keys that may do no more than it." />
        </Fields>
      </Card>
      <div class="row"><Submit icon="check">{submit}</Submit><ButtonLink href={back} look="quiet">Cancel</ButtonLink></div>
    </form>
  );
}
