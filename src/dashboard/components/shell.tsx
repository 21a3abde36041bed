/** What stands around every page: `Plain` for whoever is not in yet, `Shell` for members. */
import type { Child } from "hono/jsx";
import { iconUrl } from "../../icon.ts";
import { elsewhere, navigation, operatorLine } from "../navigation.ts";
import { may } from "../rights.ts";
import { themes, type PersonVisit, type Theme, type Visit } from "../visit.ts";
import { Icon } from "./icon.tsx";
import { Badge, Notice, Submit } from "./parts.tsx";

export const Mark = () => (
  <span class="mark"><svg viewBox="0 0 32 32" aria-hidden="true" focusable="false"><path class="mark-back" d="M8 2h16a6 6 0 0 1 6 6v16a6 6 0 0 1-6 6H8a6 6 0 0 1-6-6V8a6 6 0 0 1 6-6z" /><path class="mark-front" d="M11 23V9h11M11 16h8" /></svg>Forge</span>
);

type DocumentProps = { title: string; theme: Theme; sheets: readonly string[]; scripts: readonly string[]; children?: Child };

export const Document = ({ title, theme, sheets, scripts, children }: DocumentProps) => (
  <html lang="en" data-theme={theme}>
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content={theme === "system" ? "light dark" : theme} />
      <title>{`${title} · Forge`}</title>
      <link rel="icon" href={iconUrl} />
      {sheets.map((href) => <link rel="stylesheet" href={href} />)}
      {scripts.map((src) => <script type="module" src={src}></script>)}
    </head>
    <body>{children}</body>
  </html>
);

const themeWords = { system: ["system", "As the system has it"], light: ["sun", "Light"], dark: ["moon", "Dark"] } as const;

/** Chooses how it looks, in a form: it is there before the page is shown. */
const ThemeSwitch = ({ theme, back }: { theme: Theme; back: string }) => (
  <form method="post" action="/dashboard/theme" class="themes">
    <input type="hidden" name="next" value={back} />
    {themes.map((one) => (
      <button type="submit" name="theme" value={one} aria-pressed={one === theme ? "true" : "false"} aria-label={themeWords[one][1]} title={themeWords[one][1]}><Icon name={themeWords[one][0]} /></button>
    ))}
  </form>
);

/** What the last action has to say. islands/base.ts lets it go after a while; without it, it stays. */
const Toast = ({ message }: { message: string | undefined }) => (
  <div class="toasts" role="status" aria-live="polite">{message && <p class="toast" data-toast><Icon name="check" /><span>{message}</span></p>}</div>
);

type Around = { visit: Visit; theme: Theme; message: string | undefined; children?: Child };
const backOf = ({ c }: Visit): string => (c.req.method === "GET" ? c.req.path : "/dashboard");

/** One column in the middle. */
export const Plain = ({ visit, theme, message, children }: Around) => (
  <div class="plain">
    <header><a href="/dashboard" class="home" aria-label="Forge, home"><Mark /></a><ThemeSwitch theme={theme} back={backOf(visit)} /></header>
    <main id="main">{children}</main>
    <Toast message={message} />
  </div>
);

const Organisations = ({ visit: { memberships, membership } }: { visit: Visit }) => (
  <form method="post" action="/dashboard/organisation" class="organisations">
    <label for="organisation" class="hidden">Organisation</label>
    <select id="organisation" name="organisation" data-submits>{memberships.map(({ organisationId, organisationName }) => <option value={organisationId} selected={organisationId === membership!.organisationId}>{organisationName}</option>)}</select>
    {memberships.length > 1 && <button type="submit" class="button quiet" data-needless>Switch</button>}
  </form>
);

/** Navigation beside the page; above it on a narrow screen, folded away. */
export function Shell({ visit, theme, message, current, children }: Around & { current: string | undefined }) {
  const { membership, person, isOperator } = visit as PersonVisit;
  const items = [...navigation.filter(({ right }) => membership && may(membership.role, right)), ...(isOperator ? [operatorLine] : [])];
  return (
    <div class="shell">
      <a class="skip" href="#main">Skip to the page</a>
      <header class="side">
        <a href="/dashboard" class="home" aria-label="Forge, overview"><Mark /></a>
        <details class="menu" open>
          <summary>Menu</summary>
          <div class="menu-body">
            {membership ? <Organisations visit={visit} /> : <p class="note">You belong to no organisation</p>}
            <div class="ways">
              <nav aria-label="Main"><ul>{items.map(({ path, label, icon }) => (
                <li><a href={`/dashboard${path}`} aria-current={path === current ? "page" : undefined}><Icon name={icon} />{label}</a></li>
              ))}</ul></nav>
              <nav aria-label="Documentation"><ul>{elsewhere.map(({ href, label, icon }) => <li><a href={href}><Icon name={icon} />{label}</a></li>)}</ul></nav>
            </div>
            <div class="me">
              <a class="me-link" href="/dashboard/account" aria-current={current === "/account" ? "page" : undefined}>
                <span class="hidden">Your account: </span><span class="badges"><strong>{person.name}</strong><Badge>{membership?.role ?? "operator"}</Badge></span><span class="note">{person.email}</span>
              </a>
              <div class="me-actions"><ThemeSwitch theme={theme} back={backOf(visit)} /><form method="post" action="/dashboard/sign-out"><Submit look="quiet" icon="leave">Sign out</Submit></form></div>
            </div>
          </div>
        </details>
      </header>
      <main id="main" tabindex={-1}>
        {membership?.suspendedFor !== undefined && <Notice tone="bad"><p><strong>{membership.organisationName} is suspended, and its keys are refused.</strong> {membership.suspendedFor}</p></Notice>}
        {children}
      </main>
      <Toast message={message} />
    </div>
  );
}
