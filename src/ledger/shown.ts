/** For how long finished requests are shown to their organisation: 30 days, or as many as it says (`requestDays`, src/accounts/retention.ts). As SQL. */

const since = (organisation: string): string => `unixepoch() * 1000 - 86400000 * (SELECT o.retention ->> '$.requestDays' FROM organisations o WHERE o.id = ${organisation})`;

/** Whether a row is shown that began `at`. */
export const isShown = (organisation: string, at = "at"): string => `coalesce(${at} >= ${since(organisation)}, 1)`;

/** From which id on rows are shown: ids of requests begin with the time. Of one organisation, so that it is worked out once. */
export const shownFrom = (organisation: string): string => `printf('req_%012x', coalesce(${since(organisation)}, 0))`;
