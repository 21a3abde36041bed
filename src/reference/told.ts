/** The document as its pages read it: families of operations, references followed, a body to begin with. Pure. */
import type { Json } from "./json-schema.ts";

export type Schema = {
  $ref?: string; type?: string | readonly string[]; description?: string; properties?: Readonly<Record<string, Schema>>; required?: readonly string[]; items?: Schema; prefixItems?: readonly Schema[];
  anyOf?: readonly Schema[]; oneOf?: readonly Schema[]; allOf?: readonly Schema[]; enum?: readonly unknown[]; const?: unknown; default?: unknown; format?: string; pattern?: string; propertyNames?: Schema;
  additionalProperties?: boolean | Schema; minimum?: number; maximum?: number; exclusiveMinimum?: number; minLength?: number; maxLength?: number; minItems?: number; maxItems?: number;
};
export type Parameter = { name: string; in: "path" | "query" | "header"; required?: boolean; description?: string; schema: Schema; example?: string };
export type Content = Readonly<Record<string, { schema: Schema; example?: unknown; examples?: Readonly<Record<string, { value: unknown }>> }>>;
export type Answer = { description: string; headers?: Readonly<Record<string, { $ref: string }>>; content?: Content };
type Told = {
  operationId: string; tags: readonly [string]; summary: string; description?: string; externalDocs?: { url: string }; security: readonly Readonly<Record<string, unknown>>[];
  parameters?: readonly (Parameter | { $ref: string })[]; requestBody?: { required: boolean; content: Content }; responses: Readonly<Record<string, Answer | { $ref: string }>>;
};

/** One method at one URL. `by`: whose secret it takes. */
export type Entry = Omit<Told, "parameters" | "responses" | "security"> & { method: string; path: string; by: "key" | "admin" | "anyone"; parameters: readonly Parameter[]; responses: readonly (readonly [status: string, answer: Answer])[] };
export type Chapter = { name: string; about: string; entries: readonly Entry[] };
export type Book = { about: string; chapters: readonly Chapter[]; follow: <T>(of: T | { $ref: string }) => T };

type Document = { info: { description: string }; tags: readonly { name: string; description: string }[]; paths: Readonly<Record<string, Readonly<Record<string, Told>>>> };

const byOf = ([first]: Told["security"]): Entry["by"] => (first === undefined ? "anyone" : "admin" in first ? "admin" : "key");

/** The document in the order in which it is read. */
export function bookOf(document: Json): Book {
  const { info, tags, paths } = document as unknown as Document;
  const follow = <T>(of: T | { $ref: string }): T => {
    const { $ref: place } = of as { $ref?: string };
    return place === undefined ? (of as T) : (place.slice(2).split("/").reduce<unknown>((within, name) => (within as Json)[name], document) as T);
  };
  const entries = Object.entries(paths).flatMap(([path, item]) => Object.entries(item).map(([method, { security, parameters = [], responses, ...told }]): Entry => ({
    ...told, method: method.toUpperCase(), path, by: byOf(security), parameters: parameters.map((one) => follow<Parameter>(one)), responses: Object.entries(responses).map(([status, answer]) => [status, follow<Answer>(answer)] as const),
  })));
  const byTag = Map.groupBy(entries, ({ tags: [tag] }) => tag);
  return { about: info.description, follow, chapters: tags.map(({ name, description }) => ({ name, about: description, entries: byTag.get(name) ?? [] })) };
}

const plain: Readonly<Record<string, (schema: Schema) => unknown>> = { string: () => "", integer: ({ minimum = 0 }) => minimum, number: ({ minimum = 0 }) => minimum, boolean: () => false, array: () => [], null: () => null };

/** The least that fits a schema: what it requires. */
export function sketchOf(schema: Schema, follow: Book["follow"]): unknown {
  const { const: only, enum: some, default: usual, anyOf, oneOf, type, properties = {}, required = [], ...rest } = follow<Schema>(schema);
  if (only !== undefined) return only;
  if (usual !== undefined) return usual;
  if (some) return some[0];
  const [choice] = anyOf ?? oneOf ?? [];
  if (choice) return sketchOf(choice, follow);
  const [kind] = [type].flat();
  if (kind !== undefined && plain[kind as string]) return plain[kind as string]!(rest);
  return Object.fromEntries(required.map((name) => [name, sketchOf(properties[name] ?? {}, follow)]));
}

/** What is sent where nobody has changed anything: of a body in JSON its text, of a form its fields. */
export type Filled = { type: "application/json"; text: string } | { type: "multipart/form-data"; fields: readonly (readonly [name: string, schema: Schema, required: boolean])[] };

/** The body that a page offers. */
export function filledOf({ requestBody }: Entry, follow: Book["follow"]): Filled | undefined {
  if (!requestBody) return undefined;
  const { "application/json": json, "multipart/form-data": form } = requestBody.content;
  if (json && (json.example !== undefined || !form)) return { type: "application/json", text: JSON.stringify(json.example ?? sketchOf(json.schema, follow), null, 2) };
  const { properties = {}, required = [] } = follow<Schema>(form!.schema);
  return { type: "multipart/form-data", fields: Object.entries(properties).map(([name, schema]) => [name, schema, required.includes(name)] as const) };
}
