import { env } from "cloudflare:workers";

const statements = env.SCHEMA_SQL.replace(/^\s*--.*$/gm, "").split(/;\s*(?:\n|$)/).map((statement) => statement.trim()).filter(Boolean);
await env.DB.batch(statements.map((statement) => env.DB.prepare(statement)));
