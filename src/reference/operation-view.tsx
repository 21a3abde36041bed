/** One operation: what goes in, what comes out, and the form in which it is tried. */
import { Badge, Card, Code } from "../dashboard/components/parts.tsx";
import { Choice, TextArea, TextField } from "../dashboard/components/field.tsx";
import { Icon } from "../dashboard/components/icon.tsx";
import { callOf, curlOf, type Field } from "../dashboard/islands/call.ts";
import { Line, SchemaView, Text, wordsOf } from "./schema-view.tsx";
import { filledOf, type Answer, type Book, type Entry, type Filled, type Parameter, type Schema } from "./told.ts";

const tones = { GET: "neutral", POST: "good", PUT: "warn", PATCH: "warn", DELETE: "bad" } as const;

/** A method, which is told by its word and not by its colour alone. */
export const MethodBadge = ({ of }: { of: string }) => <Badge tone={tones[of as keyof typeof tones] ?? "neutral"}>{of}</Badge>;

const secrets = { key: ["Your key", "sk-…", "It stays in this tab, until it is closed."], admin: ["The installation's ADMIN_SECRET", "", "It stays in this page's memory."] } as const;
const placesOf = { path: "In the path", query: "Query", header: "Headers" } as const;

const Parameters = ({ of, follow }: { of: readonly Parameter[]; follow: Book["follow"] }) => (
  <>{(["path", "query", "header"] as const).map((place) => [place, of.filter((one) => one.in === place)] as const).filter(([, some]) => some.length > 0).map(([place, some]) => (
    <Card title={placesOf[place]}>
      <dl class="fields-told">{some.map(({ name, required, description, schema }) => (
        <div><dt><code>{name}</code>{required && <span class="badge accent">required</span>}<span class="note">{wordsOf(schema, follow)}</span></dt><dd>{description !== undefined && <p><Line text={description} /></p>}</dd></div>
      ))}</dl>
    </Card>
  ))}</>
);

const Outcome = ({ status, of: { description, headers = {}, content = {} }, follow }: { status: string; of: Answer; follow: Book["follow"] }) => (
  <details class="more answer" open={status.startsWith("2")}>
    <summary><Badge tone={status.startsWith("4") ? "warn" : status.startsWith("5") ? "bad" : "good"}>{status}</Badge><span>{description.split("\n")[0]!.replace(/\. .*$/, "")}</span></summary>
    <div>
      {description.includes("\n") && <Text text={description.split(/\n{2,}/).slice(1).join("\n\n")} />}
      {Object.entries(content).map(([type, { schema, examples = {} }]) => (
        <div class="stack"><p><code>{type}</code>{Object.keys(schema).length === 0 && <span class="note"> in its vendor's words</span>}</p>
          {Object.keys(schema).length > 0 && <SchemaView of={schema} follow={follow} />}
          {Object.entries(examples).map(([name, { value }]) => <Code label={`Example: ${name}`} text={JSON.stringify(value, null, 2)} />)}</div>
      ))}
      {Object.keys(headers).length > 0 && <dl class="fields-told">{Object.entries(headers).map(([name, header]) => <div><dt><code>{name}</code></dt><dd><p><Line text={follow<{ description: string }>(header).description} /></p></dd></div>)}</dl>}
    </div>
  </details>
);

/** One value that somebody may fill in. */
function Input({ name, label, schema, hint, required, value }: { name: string; label: string; schema: Schema; hint?: string | undefined; required: boolean; value?: string }) {
  const common = { name, label, required, unsaid: true, ...(hint !== undefined && { hint: <Line text={hint} /> }) };
  if (schema.format === "binary") return <div class="field"><label for={name}>{label}</label><input id={name} name={name} type="file" /></div>;
  return schema.enum ? <Choice {...common} options={[["", "–"], ...schema.enum.map((one) => [String(one), String(one)] as const)]} /> : <TextField {...common} value={value} />;
}

/** What is sent where nobody has changed anything. */
const asItStands = ({ parameters }: Entry, body: Filled | undefined): Field[] => [
  ...parameters.filter(({ required }) => required).map(({ in: place, name, example = "" }): Field => ({ in: place, name, value: example })),
  ...(body?.type === "multipart/form-data" ? body.fields.filter(([, , required]) => required).map(([name, { format }]): Field => ({ in: "form", name, value: format === "binary" ? "@file" : "" })) : []),
];

function Attempt({ of, origin, follow }: { of: Entry; origin: string; follow: Book["follow"] }) {
  const { method, path, by, parameters } = of;
  const body = filledOf(of, follow);
  const call = callOf(origin, { method, path, secret: by === "anyone" ? undefined : by === "admin" ? "$ADMIN_SECRET" : "$FORGE_KEY", fields: asItStands(of, body), ...(body?.type === "application/json" && { body: body.text }) });
  const given = (place: Parameter["in"]) => parameters.filter((one) => one.in === place).map(({ name, schema, description, required = false, example }) => <Input name={`${place}:${name}`} label={name} schema={schema} hint={description} required={required} value={example} />);
  const [query, headers] = [given("query"), given("header")];
  return (
    <Card title="Try it" note="It is sent from this page to this gateway, and metered as any request.">
      <Code text={curlOf(call)} label="curl" id="curl" />
      <form class="form" data-attempt data-method={method} data-path={path} data-by={by} hidden novalidate>
        {by !== "anyone" && <TextField name="secret" label={secrets[by][0]} type="password" placeholder={secrets[by][1]} hint={secrets[by][2]} />}
        {given("path")}
        {query.length > 0 && <details class="more" open={query.length < 4}><summary>Query</summary><div class="form line">{query}</div></details>}
        {headers.length > 0 && <details class="more"><summary>Headers</summary><div class="form line">{headers}</div></details>}
        {body?.type === "application/json" && <TextArea name="body" label="Body" rows={Math.min(16, body.text.split("\n").length + 1)} value={body.text} mono />}
        {body?.type === "multipart/form-data" && body.fields.map(([name, schema, required]) => <Input name={`form:${name}`} label={name} schema={schema} hint={schema.description} required={required} />)}
        <div class="row"><button type="submit" class="button primary"><Icon name="play" /><span>Send</span></button><button type="button" class="button secondary" data-stop hidden><span>Stop</span></button></div>
        <p class="note" role="status" data-state></p>
        <div class="stack" data-answer hidden><ul class="chips" data-answer-headers></ul><pre class="said" tabindex={0} aria-label="Answer" data-answer-body></pre><p data-answer-file hidden><a class="button secondary" download="answer">Save the answer</a></p></div>
      </form>
      <noscript><p class="note">Without JavaScript, the command does it.</p></noscript>
    </Card>
  );
}

/** All of it. */
export function OperationView({ of, origin, follow }: { of: Entry; origin: string; follow: Book["follow"] }) {
  const { method, path, summary, description, externalDocs, parameters, requestBody, responses } = of;
  return (
    <>
      <header class="stack-small">
        <h1>{summary}</h1>
        <p class="operation-name"><MethodBadge of={method} /><code>{path}</code></p>
        {description !== undefined && <Text text={description} />}
        {externalDocs && <p><a href={externalDocs.url}>As its vendor describes it</a></p>}
      </header>
      <Attempt of={of} origin={origin} follow={follow} />
      <Parameters of={parameters} follow={follow} />
      {requestBody && Object.entries(requestBody.content).map(([type, { schema }]) => <Card title="Body" note={<><code>{type}</code>{requestBody.required ? "" : ", may be left out"}</>}><SchemaView of={schema} follow={follow} /></Card>)}
      <Card title="Answers">{responses.map(([status, answer]) => <Outcome status={status} of={answer} follow={follow} />)}</Card>
    </>
  );
}
