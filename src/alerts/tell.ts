/** Tells whoever an organisation wants to be told. */
import { alertSecrets, alertTargetsOf, type AlertTargets } from "../accounts/alert-targets.ts";
import { listMembers } from "../accounts/members.ts";
import { getOrganisation } from "../accounts/organisations.ts";
import { signedBy } from "../accounts/webhook-secret.ts";
import { parseSettings } from "../env.ts";
import { sendMail } from "../mail.ts";
import { notify } from "../upstream/notify.ts";
import { alertBody, alertMail, trialBody, type Alert } from "./words.ts";

/** Less than an alarm waits for others. */
const answerMs = 8_000;

/** Who has been told so far: addresses, and whether the webhook has heard. `done`: nobody is left. */
export type Told = { mailed: readonly string[]; heard: boolean; done: boolean };

/** Tells those who have not been told yet. Throws when D1 does; whoever cannot be reached is left in `done: false`. */
export async function tell(env: Cloudflare.Env, organisationId: string, alert: Alert, { mailed, heard }: Told, nowMs: number): Promise<Told> {
  const [targets, members, organisation] = await Promise.all([alertTargetsOf(env.DB, organisationId), listMembers(env.DB, organisationId), getOrganisation(env.DB, organisationId)]);
  const addresses = members.filter(({ role }) => targets.roles.includes(role)).map(({ email }) => email);
  const settings = parseSettings(env);
  const sending = addresses.filter((address) => !mailed.includes(address)).map(async (address) => ((await sendMail(env, settings, alertMail(alert, organisation!.name, address))) ? [address] : []));
  const calling = heard || targets.webhookUrl === null ? true : call(env, organisationId, targets, alert.id, alertBody(organisationId, alert), nowMs);
  const [sent, called] = await Promise.all([Promise.all(sending), calling]);
  const all = [...mailed, ...sent.flat()];
  return { mailed: all, heard: called, done: called && addresses.every((address) => all.includes(address)) };
}

/** Calls the webhook with something that means nothing. Returns whether it was heard. */
export async function tryOut(env: Cloudflare.Env, organisationId: string, nowMs: number): Promise<boolean> {
  const targets = await alertTargetsOf(env.DB, organisationId);
  const id = `test_${crypto.randomUUID()}`;
  return targets.webhookUrl !== null && call(env, organisationId, targets, id, trialBody(organisationId, id, nowMs), nowMs);
}

/** Signed as the end of a film is: HMAC-SHA256 of `<t>,<body>`. Never throws. */
async function call(env: Cloudflare.Env, organisationId: string, targets: AlertTargets, id: string, body: string, nowMs: number): Promise<boolean> {
  try {
    const { CREDENTIALS_SECRET: current, CREDENTIALS_SECRET_PREVIOUS: previous } = parseSettings(env);
    const t = Math.floor(nowMs / 1000);
    const secrets = await alertSecrets({ current, previous }, organisationId, targets, nowMs);
    const signatures = await Promise.all(secrets.map((secret) => signedBy(secret, `${t},${body}`)));
    const headers = { "x-forge-idempotency-key": id, "x-forge-signature": [`t=${t}`, ...signatures.map((one) => `v1=${one}`)].join(",") };
    return await notify(targets.webhookUrl!, headers, body, AbortSignal.timeout(answerMs));
  } catch {
    return false;
  }
}
