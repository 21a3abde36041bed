import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keysHeader, withBroughtKeys } from "../../src/accounts/brought-keys.ts";
import type { Principal } from "../../src/accounts/policy.ts";

const stored = { secret: "sk-stored", only: false };
const caller: Principal = {
  keyId: "key_1", keyName: "one", organisationId: "org_1", version: 1, limits: { requestsPerMinute: 600 }, models: undefined,
  sovereign: false, usageScope: "key", expiresAtMs: undefined, credentials: new Map([["openai", stored], ["groq", stored]]), bringsKeys: true,
};
const known = new Set(["openai", "groq", "workers-ai"]);
const credentials = (header: string) => Object.fromEntries(withBroughtKeys(caller, header, known).credentials);
const refused = (code: string) => expect.objectContaining({ code, status: code === "invalid_request" ? 400 : 403, detail: expect.objectContaining({ param: keysHeader }) });

test("without the header the principal is the very same, whether it may bring keys or not", () => {
  for (const one of [caller, { ...caller, bringsKeys: false }]) expect(withBroughtKeys(one, null, known)).toBe(one);
});

test("what is brought goes before what is stored and stands alone; what is not brought stays", () => {
  expect(credentials('{"openai":"sk-mine","workers-ai":"cf-mine"}')).toEqual({ "openai": { secret: "sk-mine", only: true }, "workers-ai": { secret: "cf-mine", only: true }, "groq": stored });
  expect(credentials(' {"openai" : " sk-mine "} ').openai).toEqual({ secret: "sk-mine", only: true });
  expect(credentials("{}")).toEqual({ openai: stored, groq: stored });
  expect(caller.credentials.get("openai")).toBe(stored);
});

test("nothing else of the principal changes", () => {
  const { credentials: _, ...rest } = withBroughtKeys(caller, '{"openai":"sk-mine"}', known);
  const { credentials: __, ...before } = caller;
  expect(rest).toEqual(before);
});

test.each([false, undefined])("an organisation that does not allow it (%s) is told who can, whatever the header says", (bringsKeys) => {
  for (const header of ['{"openai":"sk-mine"}', "{}", "", "not JSON"]) {
    expect(() => withBroughtKeys({ ...caller, bringsKeys }, header, known)).toThrow(refused("header_credentials_not_allowed"));
    expect(() => withBroughtKeys({ ...caller, bringsKeys }, header, known)).toThrow(/Whoever administers this gateway.*headerCredentials/);
  }
});

describe("a header that is none", () => {
  test.each([
    "", " ", "sk-plain-secret", "{", '{"openai":"sk-mine"', "[]", '["sk-mine"]', "null", '"sk-mine"', "5", '{"openai":"a"}, {"groq":"b"}', '{"openai":"a"} x',
    '{"opneai":"sk-mine"}', '{"":"sk-mine"}', '{"__proto__":"sk-mine"}', '{"constructor":"sk-mine"}', '{"OpenAI":"sk-mine"}', '{"sk-mine-0123456789":"openai"}',
    '{"openai":5}', '{"openai":null}', '{"openai":["sk-mine"]}', '{"openai":{"key":"sk-mine"}}', '{"openai":""}', '{"openai":"  "}', '{"openai":"two\\nlines"}', '{"openai":"schl\u00fcssel"}',
    '{"openai":"{\\"type\\":\\"service_account\\",\\"token_uri\\":\\"https://elsewhere.example\\"}"}', '{"groq":"fine","openai":""}',
  ])("%j is refused", (header) => {
    expect(() => withBroughtKeys(caller, header, known)).toThrow(refused("invalid_request"));
  });

  test("is never repeated: it may be a secret", () => {
    const secret = fc.stringMatching(/^[a-zA-Z]{2}-[\x21\x23-\x5b\x5d-\x7e]{12,40}$/).map((text) => `sk9${text}`);
    const slips = fc.tuple(secret, fc.constantFrom<(text: string) => string>(
      (text) => text, (text) => `{"openai":${text}}`, (text) => `{"${text}":"openai"}`, (text) => `{"openai":"${text}\\n${text}"}`, (text) => `{"openai":["${text}"]}`, (text) => `{"nobody":"${text}"}`, (text) => `{"openai":"${text}"`,
    ));
    fc.assert(fc.property(slips, ([text, slip]) => {
      let message = "";
      try {
        withBroughtKeys(caller, slip(text), known);
      } catch (error) {
        message = JSON.stringify([(error as Error).message, (error as { detail?: unknown }).detail]);
      }
      expect(message).toContain(keysHeader);
      expect(message).not.toContain(text);
    }));
  });
});

test("8192 characters are a key, and so is every line of printable ASCII that is no key file", () => {
  const line = fc.stringMatching(/^[\x21-\x7a\x7c-\x7e]([\x20-\x7e]{0,80}[\x21-\x7e])?$/);
  fc.assert(fc.property(line, (secret) => {
    expect(credentials(JSON.stringify({ openai: secret })).openai).toEqual({ secret, only: true });
  }));
  expect(credentials(`{"openai":"${"x".repeat(8192)}"}`).openai!.secret).toHaveLength(8192);
  expect(() => credentials(`{"openai":"${"x".repeat(8193)}"}`)).toThrow(refused("invalid_request"));
});
