/** A call of the API as somebody has filled it in: as it is sent, and as a command. Pure, so that the server writes the command too. */

/** `in` form: `@name` as a value is a file. */
export type Field = { in: "path" | "query" | "header" | "form"; name: string; value: string };
/** `path`: with its parameters in braces. `body`: JSON as text. */
export type Wanted = { method: string; path: string; secret?: string | undefined; fields: readonly Field[]; body?: string };
export type Call = { method: string; url: string; headers: readonly (readonly [string, string])[]; body?: string; form: readonly (readonly [name: string, value: string])[] };

/** A value in a path: what stands between its slashes. */
const segment = (value: string): string => value.split("/").map(encodeURIComponent).join("/");

/** The call itself. Values that are empty are left out. */
export function callOf(origin: string, { method, path, secret, fields, body }: Wanted): Call {
  const some = (place: Field["in"]): [string, string][] => fields.filter((field) => field.in === place && field.value !== "").map(({ name, value }) => [name, value]);
  const inPath = new Map(some("path"));
  const query = new URLSearchParams(some("query")).toString();
  const hasBody = body !== undefined && body.trim() !== "";
  return {
    method,
    url: `${origin}${path.replace(/\{(\w+)\}/g, (all, name: string) => (inPath.has(name) ? segment(inPath.get(name)!) : all))}${query && `?${query}`}`,
    headers: [...(secret === undefined ? [] : [["Authorization", `Bearer ${secret}`] as const]), ...(hasBody ? [["Content-Type", "application/json"] as const] : []), ...some("header")],
    ...(hasBody && { body }),
    form: some("form"),
  };
}

/** In a shell's quotes. The variable that stands for a secret stays one. */
const quoted = (text: string): string => (/^Authorization: Bearer \$[A-Z_]+$/.test(text) ? `"${text}"` : `'${text.replaceAll("'", `'\\''`)}'`);

/** The same with curl. */
export const curlOf = ({ method, url, headers, body, form }: Call): string => [
  `curl${method === "GET" || (method === "POST" && (body !== undefined || form.length > 0)) ? "" : ` -X ${method}`} ${quoted(url)}`,
  ...headers.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
  ...form.map(([name, value]) => `-F ${quoted(`${name}=${value}`)}`),
  ...(body === undefined ? [] : [`-d ${quoted(body)}`]),
].join(" \\\n  ");
