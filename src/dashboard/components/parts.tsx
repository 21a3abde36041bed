/** The small parts that pages are made of. Their look stands in styles/, by the same names. */
import type { Child } from "hono/jsx";
import { Icon, type IconName } from "./icon.tsx";

type Tone = "neutral" | "good" | "warn" | "bad" | "accent";

/** The head of a page: what it is, in a line what it is for, and at most two actions. */
export const PageHeader = ({ title, lead, children }: { title: string; lead?: Child; children?: Child }) => (
  <header class="page-header">
    <div><h1>{title}</h1>{lead && <p class="lead">{lead}</p>}</div>
    {children && <div class="actions">{children}</div>}
  </header>
);

/** A box of its own. `title` is a heading of the second level. */
export const Card = ({ title, note, action, children, flush }: { title?: string; note?: Child; action?: Child; children?: Child; flush?: boolean }) => (
  <section class={`card${flush ? " flush" : ""}`}>
    {(title || action) && <header><div>{title && <h2>{title}</h2>}{note && <p class="note">{note}</p>}</div>{action}</header>}
    {children}
  </section>
);

type Look = "primary" | "secondary" | "quiet" | "danger";
type ButtonProps = { look?: Look; icon?: IconName; children?: Child; wide?: boolean };
const lookOf = ({ look = "primary", wide }: ButtonProps): string => `button ${look}${wide ? " wide" : ""}`;

/** Sends the form that it stands in. */
export const Submit = ({ name, value, sign, ...props }: ButtonProps & { name?: string; value?: string; sign?: Child }) => (
  <button type="submit" class={lookOf(props)} name={name} value={value}>{sign}{props.icon && <Icon name={props.icon} />}<span>{props.children}</span></button>
);

/** A way to another page that looks like a button. */
export const ButtonLink = ({ href, ...props }: ButtonProps & { href: string }) => (
  <a class={lookOf(props)} href={href}>{props.icon && <Icon name={props.icon} />}<span>{props.children}</span></a>
);

export const Badge = ({ tone = "neutral", children }: { tone?: Tone; children?: Child }) => <span class={`badge ${tone}`}>{children}</span>;

/** A number that matters, and what it says. */
export const Stat = ({ label, value, note }: { label: string; value: Child; note?: Child }) => (
  <div class="stat"><dt>{label}</dt><dd class={typeof value === "string" && value.length > 9 ? "long" : undefined}>{value}</dd>{note && <dd class="note">{note}</dd>}</div>
);
export const Stats = ({ children }: { children?: Child }) => <dl class="stats">{children}</dl>;

/** What a list says while it is empty: why, and what to do about it. */
export const EmptyState = ({ icon, title, children, action }: { icon: IconName; title: string; children?: Child; action?: Child }) => (
  <div class="empty"><Icon name={icon} /><h3>{title}</h3><p>{children}</p>{action}</div>
);

/** Something to know about the page as a whole. `bad` interrupts whoever listens to it. */
export const Notice = ({ tone = "neutral", children }: { tone?: Tone; children?: Child }) => (
  <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}><Icon name={tone === "good" ? "check" : tone === "bad" || tone === "warn" ? "alert" : "info"} /><div>{children}</div></div>
);

/** A choice of which one holds, each a way to the same page with another answer. */
export const Choices = ({ label, items }: { label: string; items: readonly { href: string; label: string; current: boolean }[] }) => (
  <div class="pills" role="group" aria-label={label}>{items.map(({ href, label: text, current }) => <a href={href} aria-current={current ? "true" : undefined}>{text}</a>)}</div>
);

/** `room`: what it needs to be shown, `some`: more than a phone has, `much`: a wide window. */
export type Column<Row> = { label: string; cell: (row: Row) => Child; numeric?: boolean; room?: "some" | "much" };

/** What a cell without anything in it says; on a phone it is left out. */
const none = "–";
const looksOf = ({ numeric, room }: Pick<Column<never>, "numeric" | "room">, content?: Child): string | undefined =>
  [numeric && "numeric", room && `room-${room}`, content === none && "none"].filter(Boolean).join(" ") || undefined;

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  const content = column.cell(row);
  return <td data-label={column.label} class={looksOf(column, content)}>{content}</td>;
}

/** Rows of a table by themselves. `idOf`: how an island knows one again. */
export function Rows<Row>({ columns, rows, idOf }: { columns: readonly Column<Row>[]; rows: readonly Row[]; idOf?: (row: Row) => string }) {
  return <>{rows.map((row) => <tr data-id={idOf?.(row)}>{columns.map((column) => <Cell column={column} row={row} />)}</tr>)}</>;
}

/** A table; on a narrow screen each row becomes a card with its labels, or two lines where it is `brief`. `caption` is for whoever cannot see where it stands. */
export function Table<Row>({ caption, columns, rows, idOf, brief }: { caption: string; columns: readonly Column<Row>[]; rows: readonly Row[]; idOf?: (row: Row) => string; brief?: boolean }) {
  return (
    <table class={`table${columns.length > 5 ? " dense" : ""}${brief ? " brief" : ""}`}>
      <caption class="hidden">{caption}</caption>
      <thead><tr>{columns.map((column) => <th scope="col" class={looksOf(column)}>{column.label}</th>)}</tr></thead>
      <tbody><Rows columns={columns} rows={rows} idOf={idOf} /></tbody>
    </table>
  );
}

/** Text to be copied as it is. The button is there once islands/base.ts runs. */
export const Code = ({ text, label, id }: { text: string; label: string; id?: string }) => (
  <div class="code"><pre tabindex={0} aria-label={label} id={id}><code>{text}</code></pre>
    <button type="button" class="copy" data-copy hidden><Icon name="copy" /><span data-copy-label>Copy</span><span class="hidden"> {label}</span></button></div>
);

/** A question before something that cannot be taken back. `id` opens it: `<button data-opens="id">`; without JavaScript it stands open in the page. */
export const Dialog = ({ id, title, children }: { id: string; title: string; children?: Child }) => (
  <dialog id={id} class="dialog" aria-labelledby={`${id}-title`} open><h2 id={`${id}-title`}>{title}</h2>{children}</dialog>
);
