/** The clients as they are published, in exactly these versions: installed for this test only, into a folder of their own. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const versions = {
  "@ai-sdk/anthropic": "4.0.105", "@ai-sdk/openai": "4.0.118", "@ai-sdk/openai-compatible": "3.0.92", "@forge/llm": "1.0.8", "@langchain/core": "1.4.0", "@langchain/openai": "1.6.0",
  "@types/node": "24.19.2", "@types/react": "19.3.0", ai: "7.0.173", langchain: "1.5.14", next: "16.4.6", openai: "7.55.0", openclaw: "2026.9.6", react: "19.3.1", "react-dom": "19.3.1",
  typescript: "5.9.3", zod: "4.6.7",
};
export const installed = fileURLToPath(new URL("../../.forge/clients", import.meta.url));

const versionOf = (name: string): string | undefined => {
  const file = join(installed, "node_modules", name, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version : undefined;
};

/** Installs what is not there yet, without anybody's install scripts, and puts the programs of this folder beside it. Throws when that fails. */
export function installClients(): void {
  mkdirSync(installed, { recursive: true });
  const here = fileURLToPath(new URL(".", import.meta.url));
  for (const name of readdirSync(here).filter((one) => one.endsWith(".mjs"))) copyFileSync(join(here, name), join(installed, name));
  if (Object.entries(versions).every(([name, version]) => versionOf(name) === version)) return;
  console.log(`Installing ${Object.entries(versions).map((pair) => pair.join("@")).join(", ")} (1.3 GB) …`);
  writeFileSync(join(installed, "package.json"), JSON.stringify({ private: true, dependencies: versions }));
  const { status } = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts", "--fetch-retries=1", "--prefix", installed], { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error("The clients cannot be installed: this script needs the network on its first run.");
}
