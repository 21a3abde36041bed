/**
 * How a database that is there already grows with schema.sql: `CREATE TABLE IF NOT EXISTS` leaves an older table as it is, so the
 * columns that it lacks are added one by one, before anything (an index, the Worker) uses them. Nothing is ever taken away or changed.
 */

/** Asks a database for the tables it has; read the rows with `tablesIn`. Not `_cf…` and `sqlite…`, which are the platform's. */
export const tablesQuery = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'";

/** Column name → its definition, as written behind the name. */
type Columns = ReadonlyMap<string, string>;

const quoted = /'(?:[^']|'')*'/;
const token = new RegExp(`--[^\\n]*|${quoted.source}|"[^"]*"|[(),;]|[^\\s(),;'"]+|\\s+`, "g");
const constraint = /^(?:CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)\b/i;
const name = String.raw`["\`[]?(\w+)["\`\]]?`;

/** The tables that SQL creates and their columns, in order. Names are compared as they are written. */
export function tablesIn(sql: string): Map<string, Columns> {
  const tables = new Map<string, Columns>();
  let statement = "";
  for (const [piece] of `${sql};`.matchAll(token)) {
    if (piece.startsWith("--")) continue;
    if (piece !== ";") statement += piece;
    else {
      const head = new RegExp(`^\\s*CREATE\\s+TABLE\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?${name}\\s*\\(`, "i").exec(statement);
      if (head) tables.set(head[1]!, columnsIn(statement.slice(head[0].length)));
      statement = "";
    }
  }
  return tables;
}

/** Columns of what follows the opening bracket of a CREATE TABLE. */
function columnsIn(body: string): Columns {
  const parts = [""];
  let depth = 0;
  for (const [piece] of body.matchAll(token)) {
    if (piece === ")" && depth === 0) break;
    if (piece === "(") depth += 1;
    if (piece === ")") depth -= 1;
    if (piece === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += piece;
  }
  return new Map(parts.map((part) => part.trim()).filter((part) => part !== "" && !constraint.test(part)).map((part) => {
    const [whole, column] = new RegExp(`^${name}\\s*`).exec(part)!;
    return [column!, part.slice(whole.length).replace(/\s+/g, " ")];
  }));
}

/** Why SQLite would not add such a column to a table that has rows; undefined when it would. */
function obstacle(definition: string): string | undefined {
  const words = definition.replace(new RegExp(quoted, "g"), "''");
  const fallback = /\bDEFAULT\s+(\S+)/i.exec(words)?.[1];
  if (/\bPRIMARY\s+KEY\b|\bUNIQUE\b/i.test(words)) return "it is a key";
  if (/\bSTORED\b/i.test(words)) return "it is generated and stored";
  if (fallback && /^(?:\(|CURRENT_)/i.test(fallback)) return "its default is not a constant";
  if (/\bNOT\s+NULL\b/i.test(words) && (fallback === undefined || /^NULL$/i.test(fallback))) return "it is NOT NULL and has no DEFAULT";
  if (/\bREFERENCES\b/i.test(words) && fallback !== undefined && !/^NULL$/i.test(fallback)) return "it refers to a table and has a DEFAULT";
  return undefined;
}

/**
 * The `ALTER TABLE … ADD COLUMN …` statements that bring tables that are there to what `schema` says; tables that are not there are
 * left to the schema itself. To be run before it. Throws an Error that names a column which cannot be added.
 */
export function missingColumns(schema: string, present: ReadonlyMap<string, { has(column: string): boolean }>): string[] {
  return [...tablesIn(schema)].flatMap(([table, columns]) => {
    const own = present.get(table);
    if (!own) return [];
    return [...columns].filter(([column]) => !own.has(column)).map(([column, definition]) => {
      const why = obstacle(definition);
      if (why) throw new Error(`schema.sql: the column ${table}.${column} cannot be added to a database that is there already: ${why}.`);
      return `ALTER TABLE ${table} ADD COLUMN ${column} ${definition}`.trimEnd();
    });
  });
}

/** The rows in what `wrangler d1 execute --json` printed, of all its statements. Throws an Error with the beginning of anything else. */
export function rowsPrinted(output: string): Record<string, unknown>[] {
  try {
    const answers = JSON.parse(output.slice(output.indexOf("["))) as { results: Record<string, unknown>[]; success: boolean }[];
    if (answers.every(({ success }) => success)) return answers.flatMap(({ results }) => results);
  } catch {
    // Told below.
  }
  throw new Error(`wrangler d1 execute did not answer with rows: ${output.trim().slice(0, 500)}`);
}
