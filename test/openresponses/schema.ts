/** As much of JSON Schema as the published document of Open Responses uses. */
export type Schema = Record<string, any>;

/** What of a value is not as the schema says, with where; nothing: all is. */
export class Document {
  private readonly schemas: Record<string, Schema>;

  constructor(document: Schema) {
    this.schemas = document.components.schemas as Record<string, Schema>;
  }

  check(value: unknown, name: string): string[] {
    return this.wrong(value, this.schemas[name]!, name);
  }

  /** The schemas of a stream's events, by their type. */
  events(): Map<string, string> {
    return new Map(Object.entries(this.schemas).filter(([name]) => name.endsWith("StreamingEvent")).map(([name, schema]) => [schema.properties.type.enum[0] as string, name]));
  }

  private wrong(value: unknown, schema: Schema, at: string): string[] {
    if (schema.$ref) return this.wrong(value, this.schemas[(schema.$ref as string).split("/").at(-1)!]!, at);
    const parts = ((schema.allOf ?? []) as Schema[]).flatMap((one) => this.wrong(value, one, at));
    return [...parts, ...this.ofChoices(value, (schema.oneOf ?? schema.anyOf) as Schema[] | undefined, at), ...this.ofType(value, schema, at)];
  }

  private ofChoices(value: unknown, choices: Schema[] | undefined, at: string): string[] {
    if (!choices) return [];
    const tried = choices.map((one) => this.wrong(value, one, at));
    return tried.some(({ length }) => length === 0) ? [] : tried.toSorted((a, b) => a.length - b.length)[0]!;
  }

  private ofType(value: unknown, schema: Schema, at: string): string[] {
    const { type, enum: words, pattern, minimum, maximum, required = [], properties = {}, items, additionalProperties } = schema;
    const types: string[] = type === undefined ? [] : Array.isArray(type) ? type : [type];
    if (types.length > 0 && !types.some((one) => isA(value, one))) return [`${at}: ${JSON.stringify(value)?.slice(0, 60)} is no ${types.join(" or ")}`];
    if (words && !(words as unknown[]).includes(value)) return [`${at}: ${JSON.stringify(value)?.slice(0, 60)} is none of ${(words as unknown[]).join(", ")}`];
    if (typeof value === "string") return pattern && !new RegExp(pattern as string).test(value) ? [`${at}: is not like ${pattern}`] : [];
    if (typeof value === "number") return (minimum !== undefined && value < minimum) || (maximum !== undefined && value > maximum) ? [`${at}: ${value} is out of bounds`] : [];
    if (Array.isArray(value)) return items ? value.flatMap((one, index) => this.wrong(one, items as Schema, `${at}[${index}]`)) : [];
    if (typeof value !== "object" || value === null) return [];
    const missing = (required as string[]).filter((name) => !(name in value)).map((name) => `${at}.${name}: is missing`);
    const others = typeof additionalProperties === "object" ? (additionalProperties as Schema) : undefined;
    return [...missing, ...Object.entries(value).flatMap(([name, one]) => {
      const known = (properties as Record<string, Schema>)[name] ?? others;
      return known && one !== undefined ? this.wrong(one, known, `${at}.${name}`) : [];
    })];
  }
}

const isA = (value: unknown, type: string): boolean =>
  type === "null" ? value === null
  : type === "array" ? Array.isArray(value)
  : type === "object" ? typeof value === "object" && value !== null && !Array.isArray(value)
  : type === "integer" ? Number.isInteger(value)
  : typeof value === type;
