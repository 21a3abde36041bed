/** Organisations and keys for tests over a socket, made through the admin API as an owner would. */

const secrets = {
  KEY_PEPPER: "test-pepper".padEnd(40, "-"),
  ADMIN_SECRET: "test-admin".padEnd(40, "-"),
  CREDENTIALS_SECRET: "test-credentials".padEnd(40, "-"),
  /** One call is one call, unless a test asks for more. */
  UPSTREAM_RETRIES: "0",
};

/** Calls the admin API. Throws on any status but `status`. */
export async function admin<T = unknown>(url: string, method: string, path: string, body?: unknown, status?: number): Promise<T> {
  const response = await fetch(`${url}/admin${path}`, {
    method,
    headers: { authorization: `Bearer ${secrets.ADMIN_SECRET}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (status === undefined ? !response.ok : response.status !== status) throw new Error(`${method} /admin${path}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}

/** A new organisation with one key of this policy. */
export async function createKey(url: string, policy: Record<string, unknown> = {}): Promise<{ id: string; organisation: string; secret: string }> {
  const { id: organisation } = await admin<{ id: string }>(url, "POST", "/organisations", { name: "Test" });
  const key = await admin<{ id: string; secret: string }>(url, "POST", "/keys", { organisation, name: "test", policy });
  return { ...key, organisation };
}

/** Vars that a gateway under test is started with. */
createKey.secrets = secrets;
