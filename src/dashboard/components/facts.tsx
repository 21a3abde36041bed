/** What is known about one thing, name by name. */
import type { Child } from "hono/jsx";

export const Facts = ({ of }: { of: readonly (readonly [name: string, value: Child] | false | undefined)[] }) => (
  <dl class="pairs">{of.map((fact) => fact && <div><dt>{fact[0]}</dt><dd>{fact[1]}</dd></div>)}</dl>
);

/** The way back to the list that a page belongs to. */
export const Back = ({ href, children }: { href: string; children?: Child }) => <p class="back"><a href={href}><span aria-hidden="true">← </span>{children}</a></p>;

/** A moment: as somebody says it, and exactly for whoever points at it. */
export const Time = ({ ms, children }: { ms: number; children?: Child }) => <time datetime={new Date(ms).toISOString()} title={`${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`}>{children}</time>;
