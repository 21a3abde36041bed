/** What was checked, as a table. */
type Verdict = { scenario: string; what: string; expected: string; found: string; holds: boolean };

const verdicts: Verdict[] = [];

/** Notes one check. `expected` and `found` are shown as they are. */
export function check(scenario: string, what: string, expected: string | number, found: string | number, holds = expected === found): void {
  verdicts.push({ scenario, what, expected: String(expected), found: String(found), holds });
}

/** Prints the table, and how long all took since `beganMs`. Returns the process's exit code. */
export function conclude(beganMs: number): number {
  const violated = printVerdicts();
  console.log(`\n${violated === 0 ? "All promises held" : `${violated} VIOLATED`} in ${Math.round((Date.now() - beganMs) / 1000)} s.`);
  return violated === 0 ? 0 : 1;
}

/** Returns how many checks failed. */
function printVerdicts(): number {
  const rows = verdicts.map(({ scenario, what, expected, found, holds }) => [holds ? "ok" : "VIOLATED", scenario, what, expected, found]);
  const head = ["", "scenario", "what", "expected", "found"];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  for (const row of [head, ...rows]) console.log(row.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd());
  return verdicts.filter(({ holds }) => !holds).length;
}
