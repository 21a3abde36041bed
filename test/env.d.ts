declare namespace Cloudflare {
  interface Env {
    /** schema.sql, for test/setup.ts. */
    SCHEMA_SQL: string;
    KEY_PEPPER: string;
    ADMIN_SECRET: string;
  }
}
