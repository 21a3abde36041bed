/** What the clients' programs have in common: each check fails by an exception, prints a line, and the process ends with how many were wrong. */
import assert from "node:assert/strict";

export const { FORGE_URL: url, FORGE_KEY: key, FORGE_APP_KEY: appKey } = process.env;
export const same = assert.deepEqual;

export async function play(client, checks) {
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    const why = await check().then(() => "", (error) => String(error));
    console.log(`  ${why ? "FAIL" : "ok  "} ${client}: ${name} ${why}`);
    if (why) failed += 1;
  }
  process.exit(failed);
}

/** Everything of a stream, put together by `take`. */
export async function joined(stream, take) {
  let text = "";
  for await (const piece of stream) text += take(piece) ?? "";
  return text;
}
