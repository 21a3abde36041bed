// Whether package-lock.json installs everywhere: every platform's optional package is in it, and nothing comes from a private host.
// node scripts/lockcheck.mjs [package-lock.json]
import { readFileSync } from "node:fs";

const { packages } = JSON.parse(readFileSync(process.argv[2] ?? new URL("../package-lock.json", import.meta.url), "utf8"));

/** Where Node would find `name` from `path`: its own node_modules, then each one above. */
function found(name, path) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf("node_modules/") - 1))) {
    const candidate = packages[`${at === "" ? "" : `${at}/`}node_modules/${name}`];
    if (candidate || at === "") return candidate;
  }
}

const problems = [];
for (const [path, { optionalDependencies = {}, resolved, integrity, link }] of Object.entries(packages)) {
  for (const [name, range] of Object.entries(optionalDependencies)) {
    const entry = found(name, path);
    if (!entry) problems.push(`${name}@${range}, an optional package of ${path}, is missing`);
    else if (/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range) && entry.version !== range) problems.push(`${name} is ${entry.version}, but ${path} wants ${range}`);
  }
  if (path === "" || link) continue;
  if (resolved !== undefined) problems.push(`${path} is tied to one download address`);
  if (!integrity) problems.push(`${path} has no integrity hash`);
}

for (const problem of problems) console.error(problem);
console.log(`packages ${Object.keys(packages).length - 1}, problems ${problems.length}`);
process.exitCode = problems.length === 0 ? 0 : 1;
