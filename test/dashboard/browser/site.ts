/** A gateway with its dashboard, an upstream that answers, and the e-mails that it prints. */
import { startDemoUpstream } from "../../../scripts/demo-upstream.ts";
import { startLocal } from "../../../scripts/local.ts";
import { createKey } from "../../support/admin.ts";

export type Site = { url: string; linkTo: (email: string) => Promise<string>; stop: () => Promise<void> };

/** `linkTo`: the newest link that was sent to this address, once it has been. `outbound`: answers whatever the gateway calls, instead of the upstream. */
export async function openSite(vars: Record<string, string> = {}, { outbound }: { outbound?: (request: Request) => Promise<Response> } = {}): Promise<Site> {
  const printed: string[] = [];
  const upstream = await startDemoUpstream();
  const gateway = await startLocal({
    port: 0,
    vars: { ...createKey.secrets, ...upstream.vars, DASHBOARD_SIGN_UP: "open", DASHBOARD_MAIL: "console", ...vars },
    onLog: (line) => void printed.push(line),
    ...(outbound && { outbound }),
  });
  const linkTo = async (email: string): Promise<string> => {
    for (let tries = 0; tries < 100; tries += 1) {
      const mail = printed.findLast((line) => line.includes(`E-mail to ${email}:`));
      const link = mail && /http\S+/.exec(mail)?.[0];
      if (link) return link;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error(`No e-mail came to ${email}.\n${printed.join("\n")}`);
  };
  return { url: gateway.url, linkTo, stop: async () => void (await gateway.stop(), await upstream.stop()) };
}
