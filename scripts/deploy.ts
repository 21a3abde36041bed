/**
 * `npm run deploy`: Forge into the owner's own Cloudflare account. Repeatable: what is already there stays.
 * Options: --dry-run (no account, no network), --secrets-file <path> (default .secrets.env).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { unstable_readConfig, type Unstable_Config } from "wrangler";
import { liftedChecks, missingColumns, rowsPrinted, tablesIn, tablesQuery } from "./schema.ts";
import { checkVars, hasProvider, keptSecrets, ownSecrets, readVars, type Vars } from "./vars.ts";
import { startWrangler, wrangler } from "./wrangler.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const sqlFiles = ["schema.sql", "src/catalog/catalog.sql", "src/catalog/aliases.sql"].filter((path) => existsSync(root + path));

/** Queues that `wrangler deploy` expects but does not create: it creates only those that the Worker writes to. */
export function queuesToCreate({ queues }: Pick<Unstable_Config, "queues">): string[] {
  const created = new Set(queues.producers?.map(({ queue }) => queue));
  const expected = (queues.consumers ?? []).flatMap(({ queue, dead_letter_queue: deadLetters }) => [queue, deadLetters]);
  return [...new Set(expected)].filter((queue): queue is string => queue !== undefined && !created.has(queue));
}

/** What is wrong with a file of production secrets, each as one line. */
export function secretProblems(secrets: Vars): string[] {
  const problems = ownSecrets.filter((name) => !secrets[name]).map((name) => `${name} is missing`);
  if (new Set(ownSecrets.map((name) => secrets[name])).size < ownSecrets.length && problems.length === 0) problems.push("KEY_PEPPER, ADMIN_SECRET and CREDENTIALS_SECRET must differ");
  if (problems.length === 0) {
    try {
      checkVars(secrets);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return problems;
}

async function deploy(): Promise<void> {
  const { values } = parseArgs({ options: { "dry-run": { type: "boolean" }, "secrets-file": { type: "string" } } });
  const secretsFile = values["secrets-file"] ?? ".secrets.env";
  const config = unstable_readConfig({ config: `${root}wrangler.toml` });
  if (values["dry-run"]) return dryRun(config, secretsFile);

  const secrets = secretsFrom(secretsFile, values["secrets-file"] !== undefined);
  await signIn();
  for (const queue of queuesToCreate(config)) await create(["queues", "create", queue]);
  const database = config.d1_databases[0]!.database_name!;
  await create(["d1", "create", database]);
  await growTables(database);
  for (const path of sqlFiles) {
    console.log(`Applying ${path} to ${database} …`);
    await wrangler(["d1", "execute", database, "--remote", "--yes", `--file=${path}`], { stdio: ["ignore", "pipe", "pipe"] });
  }
  const output = await withSecretsFile(secrets, (path) => printed(["deploy", "--secrets-file", path]));
  console.log(nextSteps(/https:\/\/[^\s]+\.workers\.dev/.exec(output)?.[0] ?? "https://<your-worker>", secretsFile));
}

/** Bundles and validates as a deployment would, and says what one would do. */
async function dryRun(config: Unstable_Config, secretsFile: string): Promise<void> {
  console.log((await wrangler(["deploy", "--dry-run"], { stdio: ["ignore", "pipe", "pipe"] })).trim());
  const present = existsSync(resolve(root, secretsFile));
  const problems = present ? secretProblems(readVars(resolve(root, secretsFile))) : [];
  const steps = [
    present ? `upload the secrets of ${secretsFile}${problems.length > 0 ? ` — NOT YET: ${problems.join("; ")}` : ""}` : `make ${secretsFile} with fresh random secrets, and upload them`,
    ...queuesToCreate(config).map((queue) => `create the queue ${queue}, unless it is there`),
    `create the D1 database ${config.d1_databases[0]?.database_name}, unless it is there`,
    "add the columns that its tables lack, and write those anew that have outgrown a check",
    ...sqlFiles.map((path) => `apply ${path} to it (idempotent)`),
    `deploy the Worker ${config.name}; Cloudflare creates its R2 bucket and queue, unless they are there`,
  ];
  console.log(["", "A real deployment would:", ...steps.map((step, index) => `  ${index + 1}. ${step}`)].join("\n"));
}

/** The secrets to upload; made up once when the default file is not there. */
function secretsFrom(file: string, named: boolean): Vars {
  const path = resolve(root, file);
  if (!existsSync(path)) {
    if (named) throw new Error(`${file} does not exist.`);
    keptSecrets(path);
    console.log(`Made ${file} with fresh secrets. Keep it safe: without KEY_PEPPER no API key works, without CREDENTIALS_SECRET no stored credential opens.`);
  }
  const secrets = Object.fromEntries(Object.entries(readVars(path)).filter(([, value]) => value !== ""));
  const problems = secretProblems(secrets);
  if (problems.length > 0) throw new Error(`${file}: ${problems.join("; ")}.`);
  if (secrets.ALLOW_PRIVATE_UPSTREAMS === "true") console.warn(`Warning: ${file} sets ALLOW_PRIVATE_UPSTREAMS=true, which is for development and self-hosting.`);
  if (!hasProvider(secrets)) console.warn(`Note: ${file} has no provider's key yet. Add one and deploy again, or give organisations their own credentials.`);
  return secrets;
}

async function signIn(): Promise<void> {
  const who = await wrangler(["whoami", "--json"], { stdio: ["ignore", "pipe", "ignore"] }).catch(() => "");
  if (/"loggedIn":\s*true/.test(who)) return;
  if (!process.stdin.isTTY) throw new Error("Not signed in to Cloudflare: set CLOUDFLARE_API_TOKEN (and CLOUDFLARE_ACCOUNT_ID), or run this in a terminal.");
  await wrangler(["login"]);
}

/** Creates something in the account; that it is already there is fine. */
async function create(args: string[]): Promise<void> {
  console.log(`${args.join(" ")} …`);
  try {
    await wrangler(args, { stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    if (!/already (exists|taken)|is taken/i.test((error as Error).message)) throw error;
  }
}

/** Brings older tables to what schema.sql says, before anything in it uses their new columns. */
async function growTables(database: string): Promise<void> {
  const run = (command: string): Promise<string> =>
    wrangler(["d1", "execute", database, "--remote", "--yes", "--json", "--command", command], { stdio: ["ignore", "pipe", "inherit"] });
  const present = tablesIn(rowsPrinted(await run(tablesQuery)).map(({ sql }) => String(sql)).join(";\n"));
  const schema = readFileSync(`${root}schema.sql`, "utf8");
  const anew = liftedChecks(schema, present);
  // Statements of one command are one transaction.
  for (const statement of [...missingColumns(schema, present), ...(anew.length > 0 ? [anew.join(";\n")] : [])]) {
    console.log(`${statement} …`);
    rowsPrinted(await run(statement));
  }
}

/** Hands secrets to wrangler as JSON, where it neither expands `$` nor lets the environment replace them; the file is gone afterwards. */
async function withSecretsFile<T>(secrets: Vars, use: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "forge-secrets-"));
  try {
    const path = join(folder, "secrets.json");
    writeFileSync(path, JSON.stringify(secrets), { mode: 0o600 });
    return await use(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs wrangler with its output on the console, and returns it as well. */
async function printed(args: string[]): Promise<string> {
  const child = startWrangler(args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout!.on("data", (chunk: Buffer) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  const code = await new Promise<number>((done) => child.on("close", (status) => done(status ?? 1)));
  if (code !== 0) throw new Error(`wrangler ${args[0]} failed (${code}); its message is above.`);
  return output;
}

function nextSteps(url: string, secretsFile: string): string {
  const post = (path: string, body: unknown) =>
    `  curl ${url}${path} -H "Authorization: Bearer $ADMIN_SECRET" -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`;
  return [
    "",
    `Forge is deployed: ${url}/v1`,
    "",
    "The first organisation and its key (the key is shown once):",
    "",
    `  ADMIN_SECRET=$(sed -n 's/^ADMIN_SECRET=//p' ${secretsFile})`,
    post("/admin/organisations", { id: "org_first", name: "My organisation" }),
    post("/admin/keys", { organisation: "org_first", name: "My first key" }),
  ].join("\n");
}

if (import.meta.main) {
  deploy().catch((error: Error) => {
    console.error(error.message);
    process.exit(1);
  });
}
