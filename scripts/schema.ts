/**
 * How a database that is there already grows with schema.sql: `CREATE TABLE IF NOT EXISTS` leaves an older table as it is, so the
 * columns that it lacks are added one by one, before anything (an index, the Worker) uses them, and a table with a CHECK that
 * schema.sql no longer has is written anew, with all of its rows.
 */

/** Asks a database for the tables it has; read the rows with `tablesIn`. Not `_cf…` and `sqlite…`, which are the platform's. */
export const tablesQuery = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'";

/** Column name → its definition, as written behind the name. */
type Columns = ReadonlyMap<string, string>;

const quoted = /'(?:[^']|'')*'/;
const token = new RegExp(`--[^\\n]*|${quoted.source}|"[^"]*"|[(),;]|[^\\s(),;'"]+|\\s+`, "g");
const constraint = /^(?:CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)\b/i;
const name = String.raw`["\`[]?(\w+)["\`\]]?`;

/** Of each table that SQL creates the statement, and what stands behind its opening bracket. Names are compared as they are written. */
function createsIn(sql: string): Map<string, { statement: string; body: string }> {
  const creates = new Map<string, { statement: string; body: string }>();
  let statement = "";
  for (const [piece] of `${sql};`.matchAll(token)) {
    if (piece.startsWith("--")) continue;
    if (piece !== ";") statement += piece;
    else {
      const head = new RegExp(`^\\s*CREATE\\s+TABLE\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?${name}\\s*\\(`, "i").exec(statement);
      if (head) creates.set(head[1]!, { statement: statement.trim(), body: statement.slice(head[0].length) });
      statement = "";
    }
  }
  return creates;
}

/** The tables that SQL creates and their columns, in order. */
export const tablesIn = (sql: string): Map<string, Columns> => new Map([...createsIn(sql)].map(([table, { body }]) => [table, columnsIn(body)]));

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

/** A definition without what stands in quotes. */
const words = (definition: string): string => definition.replace(new RegExp(quoted, "g"), "''");

/** Why SQLite would not add such a column to a table that has rows; undefined when it would. */
function obstacle(definition: string): string | undefined {
  const said = words(definition);
  const fallback = /\bDEFAULT\s+(\S+)/i.exec(said)?.[1];
  if (/\bPRIMARY\s+KEY\b|\bUNIQUE\b/i.test(said)) return "it is a key";
  if (/\bSTORED\b/i.test(said)) return "it is generated and stored";
  if (fallback && /^(?:\(|CURRENT_)/i.test(fallback)) return "its default is not a constant";
  if (/\bNOT\s+NULL\b/i.test(said) && (fallback === undefined || /^NULL$/i.test(fallback))) return "it is NOT NULL and has no DEFAULT";
  if (/\bREFERENCES\b/i.test(said) && fallback !== undefined && !/^NULL$/i.test(fallback)) return "it refers to a table and has a DEFAULT";
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

const hasCheck = (definition = ""): boolean => /\bCHECK\b/i.test(words(definition));
const refersTo = (columns: Columns, table: string): boolean => [...columns.values()].some((definition) => new RegExp(`\\bREFERENCES\\s+["\`[]?${table}\\b`, "i").test(words(definition)));

/**
 * The statements that write tables anew whose columns have CHECKs that `schema` no longer has. To be run together, in one transaction,
 * behind the missing columns and before the schema. Foreign keys stay enforced throughout: a renamed table takes its references along, so
 * the tables that refer to it are written anew as well, and dropped before it.
 */
export function liftedChecks(schema: string, present: ReadonlyMap<string, Columns>): string[] {
  const creates = createsIn(schema);
  const wanted = tablesIn(schema);
  const anew = new Set([...wanted].filter(([table, columns]) => [...columns].some(([column, definition]) => hasCheck(present.get(table)?.get(column)) && !hasCheck(definition))).map(([table]) => table));
  // A set is walked as it grows.
  for (const table of anew) for (const [other, columns] of present) if (wanted.has(other) && refersTo(columns, table)) anew.add(other);
  const inOrder = [...wanted.keys()].filter((table) => anew.has(table));
  const older = (table: string): string => `older_${table}`;
  return [
    ...inOrder.map((table) => `ALTER TABLE ${table} RENAME TO ${older(table)}`),
    ...inOrder.map((table) => creates.get(table)!.statement),
    ...inOrder.map((table) => {
      const columns = [...wanted.get(table)!.keys()].join(", ");
      return `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM ${older(table)}`;
    }),
    ...inOrder.toReversed().map((table) => `DROP TABLE ${older(table)}`),
  ];
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
