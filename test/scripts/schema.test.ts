/** A database that is older than schema.sql gets the columns it lacks, whatever else schema.sql then does with them. */
import fc from "fast-check";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startLocal } from "../../scripts/local.ts";
import { liftedChecks, missingColumns, rowsPrinted, tablesIn, tablesQuery } from "../../scripts/schema.ts";
import { keptSecrets } from "../../scripts/vars.ts";

const schema = readFileSync(new URL("../../schema.sql", import.meta.url), "utf8");

const present = (db: DatabaseSync) => tablesIn(db.prepare(tablesQuery).all().map(({ sql }) => String(sql)).join(";\n"));
/** What SQLite itself says of a table's columns, by name. */
const told = (db: DatabaseSync, table: string) =>
  Object.fromEntries(db.prepare(`PRAGMA table_info(${table})`).all().map(({ name, type, notnull, dflt_value }) => [name, { type, notnull, dflt_value }]));
const grow = (db: DatabaseSync, sql: string): string[] => {
  const had = present(db);
  const statements = [...missingColumns(sql, had), ...liftedChecks(sql, had)];
  for (const statement of statements) db.exec(statement);
  db.exec(sql);
  return statements;
};

describe("what is read of SQL", () => {
  test("are the tables and columns that SQLite makes of schema.sql", () => {
    const db = new DatabaseSync(":memory:");
    db.exec(schema);
    const tables = tablesIn(schema);
    expect(tables.size).toBeGreaterThan(10);
    for (const [table, columns] of tables) expect([table, [...columns.keys()]]).toEqual([table, Object.keys(told(db, table))]);
    expect(present(db)).toEqual(tables);
    expect(missingColumns(schema, present(db))).toEqual([]);
  });

  test("survives comments, quotes, brackets and tables that are none", () => {
    const sql = `-- CREATE TABLE no (x TEXT);
      create table "a" ( -- one, two
        [id] TEXT PRIMARY KEY, note TEXT DEFAULT 'it''s; (a, -- list', kind TEXT CHECK (kind IN ('x', ')')),
        CONSTRAINT c UNIQUE (id, note), FOREIGN KEY (id) REFERENCES b (id));
      INSERT INTO a VALUES ('CREATE TABLE b (y TEXT)');
      CREATE VIEW v AS SELECT 1; CREATE TABLE IF NOT EXISTS c(z)`;
    expect([...tablesIn(sql)].map(([table, columns]) => [table, Object.fromEntries(columns)])).toEqual([
      ["a", { id: "TEXT PRIMARY KEY", note: "TEXT DEFAULT 'it''s; (a, -- list'", kind: "TEXT CHECK (kind IN ('x', ')'))" }],
      ["c", { z: "" }],
    ]);
  });
});

describe("a database that is older", () => {
  test("gets every column that can be missing from it, and keeps its rows", () => {
    const db = new DatabaseSync(":memory:");
    db.exec(schema.replace(/\n  header_credentials [^\n]*,/, "").replace(/\n  only [^\n]*\n  sealed_by [^\n]*/, ""));
    db.exec("INSERT INTO organisations (id, name, created_at) VALUES ('org_a', 'A', 1); INSERT INTO provider_credentials VALUES ('org_a', 'openai', 'iv', 'text', 1)");
    expect(grow(db, schema)).toEqual([
      "ALTER TABLE organisations ADD COLUMN header_credentials INTEGER NOT NULL DEFAULT 0",
      "ALTER TABLE provider_credentials ADD COLUMN only INTEGER NOT NULL DEFAULT 1",
      "ALTER TABLE provider_credentials ADD COLUMN sealed_by TEXT",
    ]);
    expect(db.prepare("SELECT * FROM provider_credentials").all()).toMatchObject([{ organisation_id: "org_a", ciphertext: "text", only: 1, sealed_by: null }]);
    expect(grow(db, schema)).toEqual([]);
  });

  test("loses a check that schema.sql no longer has, with foreign keys enforced, and keeps its rows", () => {
    const db = new DatabaseSync(":memory:");
    db.exec("PRAGMA foreign_keys = on");
    db.exec(schema.replace(/(CREATE TABLE IF NOT EXISTS models \([^;]*?kind TEXT NOT NULL)/, "$1 CHECK (kind IN ('chat', 'embedding'))").replace(/,\n  released_at INTEGER/, ""));
    const model = (id: string, kind: string) => db.exec(`INSERT INTO models (id, owner, kind, input_modalities, output_modalities, capabilities) VALUES ('${id}', 'o', '${kind}', '[]', '[]', '[]')`);
    model("a", "chat");
    db.exec("INSERT INTO deployments VALUES ('p', 'u', 'a')");
    expect(() => model("b", "rerank")).toThrow("CHECK");
    expect(grow(db, schema)).toHaveLength(9);
    model("b", "rerank");
    expect(db.prepare("SELECT id, kind, released_at FROM models ORDER BY id").all()).toMatchObject([{ id: "a", kind: "chat", released_at: null }, { id: "b", kind: "rerank" }]);
    expect(db.prepare("SELECT * FROM deployments").all()).toMatchObject([{ provider: "p", upstream_id: "u", model_id: "a" }]);
    expect(() => db.exec("INSERT INTO deployments VALUES ('p', 'v', 'nobody')")).toThrow("FOREIGN KEY");
    expect(() => db.exec("DELETE FROM models WHERE id = 'a'")).toThrow("FOREIGN KEY");
    expect(db.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
    expect([...present(db)]).toEqual(expect.arrayContaining([...tablesIn(schema)]));
    expect(grow(db, schema)).toEqual([]);
  });

  test("has them before an index uses them; a new database needs none", () => {
    const newer = "CREATE TABLE IF NOT EXISTS t (id TEXT PRIMARY KEY, at INTEGER);\nCREATE INDEX IF NOT EXISTS t_by_time ON t (at);";
    const [old, fresh] = [new DatabaseSync(":memory:"), new DatabaseSync(":memory:")];
    old.exec("CREATE TABLE t (id TEXT PRIMARY KEY)");
    expect(grow(old, newer)).toEqual(["ALTER TABLE t ADD COLUMN at INTEGER"]);
    expect(grow(fresh, newer)).toEqual([]);
  });

  test("whatever of a table it has, it ends with the whole", () => {
    const definitions = ["TEXT", "INTEGER NOT NULL DEFAULT 0", "TEXT NOT NULL DEFAULT 'a, (b) -- c'", "REAL DEFAULT -1.5", "TEXT CHECK (length(%) < 9 AND % IN ('a', 'b,c'))", "", "TEXT COLLATE NOCASE", "BLOB DEFAULT x'00'", "INTEGER REFERENCES t (id)"];
    const column = fc.record({ definition: fc.constantFrom(...definitions), had: fc.boolean(), remark: fc.constantFrom("", " -- one, (two", "\n") });
    fc.assert(fc.property(fc.array(column, { maxLength: 12 }), (columns) => {
      const line = ({ definition, remark }: { definition: string; remark: string }, at: number) => `,${remark}\n  c${at} ${definition.replaceAll("%", `c${at}`)}`;
      const create = (all: string[]) => `CREATE TABLE IF NOT EXISTS t (id TEXT PRIMARY KEY${all.join("")}\n) WITHOUT ROWID;`;
      const lines = columns.map(line);
      const [old, fresh] = [new DatabaseSync(":memory:"), new DatabaseSync(":memory:")];
      old.exec(create(lines.filter((_, at) => columns[at]!.had)));
      old.exec("INSERT INTO t (id) VALUES ('x')");
      fresh.exec(create(lines));
      expect(grow(old, create(lines))).toHaveLength(columns.filter(({ had }) => !had).length);
      expect(told(old, "t")).toEqual(told(fresh, "t"));
      expect(grow(old, create(lines))).toEqual([]);
      for (const db of [old, fresh]) db.close();
    }));
  });

  test.each([
    ["TEXT NOT NULL", "it is NOT NULL and has no DEFAULT"],
    ["TEXT NOT NULL DEFAULT NULL", "it is NOT NULL and has no DEFAULT"],
    ["TEXT NOT NULL CHECK (x <> 'DEFAULT 1')", "it is NOT NULL and has no DEFAULT"],
    ["TEXT UNIQUE", "it is a key"],
    ["INTEGER PRIMARY KEY", "it is a key"],
    ["INTEGER DEFAULT (1 + 1)", "its default is not a constant"],
    ["TEXT DEFAULT CURRENT_TIMESTAMP", "its default is not a constant"],
    ["TEXT AS (id) STORED", "it is generated and stored"],
    ["TEXT DEFAULT 'a' REFERENCES t (id)", "it refers to a table and has a DEFAULT"],
  ])("cannot get a column %s, and SQLite agrees", (definition, why) => {
    const wanted = `CREATE TABLE IF NOT EXISTS t (id TEXT, x ${definition});`;
    const db = new DatabaseSync(":memory:");
    db.exec("PRAGMA foreign_keys = on; CREATE TABLE t (id TEXT); INSERT INTO t VALUES ('a')");
    expect(() => missingColumns(wanted, present(db))).toThrow(`t.x cannot be added to a database that is there already: ${why}`);
    expect(() => db.exec(`ALTER TABLE t ADD COLUMN x ${definition}`)).toThrow();
  });
});

test("rows are read from what wrangler prints, behind a warning too; anything else is told", () => {
  const printed = JSON.stringify([{ results: [{ sql: "a" }], success: true, meta: {} }, { results: [{ sql: "b" }], success: true }], null, 2);
  expect(rowsPrinted(printed)).toEqual([{ sql: "a" }, { sql: "b" }]);
  expect(rowsPrinted(`a warning\n${printed}\n`)).toHaveLength(2);
  for (const odd of ["", "{}", '{"error":{"text":"no"}}', '[{"results":[],"success":false}]', "[1"]) expect(() => rowsPrinted(odd)).toThrow("did not answer with rows");
});

test("a gateway that starts over an older database has its columns, and models of every kind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "forge-schema-"));
  const vars = { ...keptSecrets(join(folder, "secrets.env")) };
  const start = () => startLocal({ port: 0, stateDir: join(folder, "storage"), vars, onLog: () => {} });
  const columnsOf = async (gateway: Awaited<ReturnType<typeof start>>) =>
    (await (await gateway.mf.getD1Database("DB")).prepare("SELECT * FROM organisations").all()).results;
  try {
    const first = await start();
    const db = await first.mf.getD1Database("DB");
    await db.batch([db.prepare("ALTER TABLE organisations DROP COLUMN header_credentials"), db.prepare("INSERT INTO organisations (id, name, created_at) VALUES ('org_a', 'A', 1)")]);
    // The catalog as it was when models were for two things.
    const { results } = await db.prepare("SELECT name, sql FROM sqlite_master WHERE name IN ('models', 'deployments') ORDER BY name DESC").all();
    await db.batch(["DROP TABLE deployments", "DROP TABLE models", ...(results as { sql: string }[]).map(({ sql }) => sql.replace("kind TEXT NOT NULL", "kind TEXT NOT NULL CHECK (kind IN ('chat', 'embedding'))")),
      "INSERT INTO models VALUES ('own', 'us', 'chat', '[]', '[]', '[]', NULL, NULL, NULL)", "INSERT INTO deployments VALUES ('openai', 'own', 'own')"].map((sql) => db.prepare(sql)));
    await first.stop();
    rmSync(join(folder, "storage/applied-sql"));
    const second = await start();
    expect(await columnsOf(second)).toMatchObject([{ id: "org_a", header_credentials: 0 }]);
    const models = await (await second.mf.getD1Database("DB")).prepare("SELECT kind, count(*) n FROM models m JOIN deployments d ON d.model_id = m.id WHERE m.id = 'own' OR kind = 'rerank' GROUP BY kind ORDER BY kind").all();
    expect(models.results).toEqual([{ kind: "chat", n: 1 }, { kind: "rerank", n: expect.any(Number) as number }]);
    await second.stop();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
