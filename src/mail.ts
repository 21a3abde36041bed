/** E-mails: through Cloudflare's binding, or on the console of a gateway that runs on its owner's machine. */
import type { Settings } from "./env.ts";
import { log } from "./telemetry/log.ts";

export type Mail = { to: string; subject: string; text: string; html: string };

/** Cloudflare's `send_email` binding, where wrangler.toml has it. */
type Sender = { send(mail: { from: string | { email: string; name: string }; to: string; subject: string; text: string; html: string }): Promise<unknown> };
const senderOf = (env: Cloudflare.Env): Sender | undefined => (env as { EMAIL?: Sender }).EMAIL;

/** Whether an e-mail would reach anybody. */
export const canMail = (env: Cloudflare.Env, settings: Settings): boolean =>
  settings.DASHBOARD_MAIL === "console" || (senderOf(env) !== undefined && settings.DASHBOARD_MAIL_FROM !== "");

/** Sends one e-mail. What fails is logged without its content: nobody is told whether an address is known here. Returns whether there is nothing to be tried again. */
export async function sendMail(env: Cloudflare.Env, settings: Settings, mail: Mail): Promise<boolean> {
  const { DASHBOARD_MAIL: way, DASHBOARD_MAIL_FROM: from } = settings;
  // The one place that prints what a link opens: only where its owner has asked for it.
  if (way === "console") {
    console.info(`\n  E-mail to ${mail.to}: ${mail.subject}\n\n${mail.text.replace(/^/gm, "    ")}\n`);
    return true;
  }
  const sender = senderOf(env);
  if (!sender || !from) {
    log("warn", "mail_not_configured", { subject: mail.subject });
    return true;
  }
  try {
    await sender.send({ ...mail, from: { email: from, name: "Forge" } });
    return true;
  } catch (error) {
    log("error", "mail_failed", { subject: mail.subject, message: String(error) });
    return false;
  }
}
