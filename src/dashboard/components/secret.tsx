/** A key's secret, which is shown once, and what to do with it. `waits`: with a lamp that turns green when the key has been used; the page needs the island `waiting`. */
import { snippetsOf } from "../snippets.ts";
import { ButtonLink, Code, Notice } from "./parts.tsx";
import { Snippets } from "./snippets.tsx";

export const Secret = ({ origin, keyId, secret, model = "auto", waits = true, next }: { origin: string; keyId: string; secret: string; model?: string; waits?: boolean; next: { href: string; label: string } }) => (
  <>
    <Code text={secret} label="Your API key" id="secret" />
    <Notice tone="warn">Whoever has it can spend for you. Keep it where you keep passwords, and out of repositories.</Notice>
    <Snippets snippets={snippetsOf({ origin, key: secret, model })} />
    {!waits ? <div><ButtonLink href={next.href} look="secondary">{next.label}</ButtonLink></div> : <div class="waiting" data-waits-for={`/dashboard/first-key/${keyId}`} data-state="waiting" data-here="Your first request has come. It works." role="status" aria-live="polite">
      <span class="lamp" aria-hidden="true"></span>
      <p data-waiting-text>Waiting for your first request</p>
      <ButtonLink href={next.href} look="secondary">{next.label}</ButtonLink>
    </div>}
  </>
);
