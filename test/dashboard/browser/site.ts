/** A gateway with its dashboard, an upstream that answers, and the e-mails that it prints. */
import { startDemoUpstream } from "../../../scripts/demo-upstream.ts";
import { startLocal } from "../../../scripts/local.ts";
import { createKey } from "../../support/admin.ts";

export type Site = {
  url: string;
  /** The newest link that was sent to this address, under this subject if one is given, once it has been. */
  linkTo: (email: string, subject?: string) => Promise<string>;
  /** The newest e-mail to this address under this subject, once it was sent. */
  mailTo: (email: string, subject: string) => Promise<string>;
  hasMail: (email: string) => boolean;
  stop: () => Promise<void>;
};

/** Whatever the gateway calls, passed on as it is. */
export async function passedOn(request: Request): Promise<Response> {
  const body = request.method === "GET" || request.method === "HEAD" ? undefined : await request.arrayBuffer();
  return fetch(request.url, { method: request.method, headers: Object.fromEntries(request.headers), body, redirect: "manual" });
}

/** `outbound`: answers whatever the gateway calls, instead of the upstream. */
export async function openSite(vars: Record<string, string> = {}, { outbound }: { outbound?: (request: Request) => Promise<Response> } = {}): Promise<Site> {
  const printed: string[] = [];
  const upstream = await startDemoUpstream();
  const gateway = await startLocal({
    port: 0,
    vars: { ...createKey.secrets, ...upstream.vars, DASHBOARD_SIGN_UP: "open", DASHBOARD_MAIL: "console", ...vars },
    onLog: (line) => void printed.push(line),
    ...(outbound && { outbound }),
  });
  const newest = async (email: string, subject: string, part: RegExp): Promise<string> => {
    for (let tries = 0; tries < 100; tries += 1) {
      const mail = printed.findLast((line) => line.includes(`E-mail to ${email}: ${subject}`));
      const found = mail && part.exec(mail)?.[0];
      if (found) return found;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error(`No e-mail came to ${email}.\n${printed.join("\n")}`);
  };
  return {
    url: gateway.url,
    linkTo: (email, subject = "") => newest(email, subject, /http\S+/),
    mailTo: (email, subject) => newest(email, subject, /[\s\S]+/),
    hasMail: (email) => printed.some((line) => line.includes(`E-mail to ${email}:`)),
    stop: async () => void (await gateway.stop(), await upstream.stop()),
  };
}
