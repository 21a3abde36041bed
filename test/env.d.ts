/** A file as text. */
declare module "*?raw" {
  const text: string;
  export default text;
}

declare namespace Cloudflare {
  interface Env {
    /** schema.sql, for test/setup.ts. */
    SCHEMA_SQL: string;
    KEY_PEPPER: string;
    ADMIN_SECRET: string;
  }
}
