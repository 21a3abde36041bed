/** Values that fit a JSON Schema: what the demo upstream puts into tool calls and structured answers. */

type Schema = { [keyword: string]: unknown };

const formats: Record<string, string> = {
  "date-time": "2026-01-31T12:00:00Z", date: "2026-01-31", time: "12:00:00Z", duration: "PT1H", email: "person@example.com",
  uri: "https://example.com/", hostname: "example.com", ipv4: "192.0.2.1", ipv6: "2001:db8::1", uuid: "00000000-0000-4000-8000-000000000000",
};
const maxDepth = 12;

/** A value that fits `schema`. Free strings come from `text`, the words of the person who asked. */
export function exampleOf(schema: unknown, text: string): unknown {
  return valueOf(schema, { root: schema, text, name: "value", depth: 0 });
}

type Place = { root: unknown; text: string; name: string; depth: number };

function valueOf(given: unknown, place: Place): unknown {
  const schema = resolved(given, place.root);
  if (place.depth > maxDepth) return null;
  if ("const" in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if ("default" in schema) return schema.default;
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0];
  const deeper = { ...place, depth: place.depth + 1 };
  for (const choice of [schema.anyOf, schema.oneOf]) if (Array.isArray(choice) && choice.length > 0) return valueOf(choice[0], deeper);
  if (Array.isArray(schema.allOf)) return objectOf(merged(schema, place.root), deeper);
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== "null") : schema.type;
  if (type === "object" || (type === undefined && schema.properties)) return objectOf(schema, deeper);
  if (type === "array") return arrayOf(schema, deeper);
  if (type === "integer" || type === "number") return numberOf(schema, type);
  if (type === "boolean") return true;
  if (type === "null") return null;
  return stringOf(schema, place);
}

function objectOf(schema: Schema, place: Place): unknown {
  const properties = Object.entries((schema.properties ?? {}) as Schema);
  return Object.fromEntries(properties.map(([name, property]) => [name, valueOf(property, { ...place, name })]));
}

function arrayOf(schema: Schema, place: Place): unknown[] {
  const first = Array.isArray(schema.prefixItems) ? schema.prefixItems.map((item) => valueOf(item, place)) : [];
  const length = Math.max(first.length, (schema.minItems as number | undefined) ?? (schema.items ? 1 : 0));
  return [...first, ...Array.from({ length: length - first.length }, () => valueOf(schema.items ?? {}, place))];
}

function numberOf({ minimum, exclusiveMinimum, maximum, exclusiveMaximum, multipleOf }: Schema, type: string): number {
  const low = (minimum ?? (typeof exclusiveMinimum === "number" ? exclusiveMinimum + (type === "integer" ? 1 : 0.5) : undefined)) as number | undefined;
  const high = (maximum ?? (typeof exclusiveMaximum === "number" ? exclusiveMaximum - (type === "integer" ? 1 : 0.5) : undefined)) as number | undefined;
  const value = Math.min(Math.max(1, low ?? 1), high ?? Infinity);
  return typeof multipleOf === "number" ? Math.ceil(value / multipleOf) * multipleOf : value;
}

function stringOf({ format, minLength, maxLength }: Schema, { text, name }: Place): string {
  if (typeof format === "string" && formats[format]) return formats[format];
  const found = /(?:^|_)(?:query|question|prompt|text|message|input|content|topic)s?$/i.test(name) ? text : properNames(text);
  const value = (found || name).slice(0, (maxLength as number | undefined) ?? 200);
  return value.padEnd((minLength as number | undefined) ?? 0, "x");
}

/** The first name in a sentence: `Tokyo` in "What's the weather in Tokyo?". */
const properNames = (text: string): string => /(?<=[^.!?\s]\s+)\p{Lu}[\p{L}-]+(?:\s+\p{Lu}[\p{L}-]+)*/u.exec(text)?.[0] ?? "";

function resolved(schema: unknown, root: unknown): Schema {
  let found = schema;
  for (let hops = 0; hops < maxDepth && typeof found === "object" && found !== null && "$ref" in found; hops++) {
    const path = String(found.$ref).replace(/^#\/?/, "").split("/").filter(Boolean);
    found = path.reduce<unknown>((at, part) => (at as Schema | undefined)?.[part.replaceAll("~1", "/").replaceAll("~0", "~")], root);
  }
  return typeof found === "object" && found !== null ? (found as Schema) : {};
}

function merged(schema: Schema, root: unknown): Schema {
  const parts = [schema, ...(schema.allOf as unknown[]).map((part) => resolved(part, root))];
  return { properties: Object.assign({}, ...parts.map((part) => part.properties ?? {})) };
}
