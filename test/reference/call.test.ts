/** What the reference's page sends, and the command that says the same. */
import { describe, expect, test } from "vitest";
import { callOf, curlOf } from "../../src/dashboard/islands/call.ts";
import { sketchOf, type Schema } from "../../src/reference/told.ts";

const origin = "https://forge.example";

describe("a call", () => {
  test("has its parameters where they belong, and nothing that is empty", () => {
    const call = callOf(origin, {
      method: "GET", path: "/v1/models/{model}/of/{id}", secret: "sk-1",
      fields: [{ in: "path", name: "model", value: "meta/llama 3?" }, { in: "path", name: "id", value: "" }, { in: "query", name: "limit", value: "5 & more" }, { in: "query", name: "after", value: "" }, { in: "header", name: "X-Sovereign", value: "true" }],
    });
    expect(call.url).toBe("https://forge.example/v1/models/meta/llama%203%3F/of/{id}?limit=5+%26+more");
    expect(call.headers).toEqual([["Authorization", "Bearer sk-1"], ["X-Sovereign", "true"]]);
    expect(call).not.toHaveProperty("body");
  });

  test("is a command that a shell reads as it is meant", () => {
    const body = `{"text": "It's $HOME \`now\`"}`;
    expect(curlOf(callOf(origin, { method: "POST", path: "/v1/x", secret: "$FORGE_KEY", fields: [], body }))).toBe([
      "curl 'https://forge.example/v1/x'", '-H "Authorization: Bearer $FORGE_KEY"', "-H 'Content-Type: application/json'", `-d '{"text": "It'\\''s $HOME \`now\`"}'`,
    ].join(" \\\n  "));
    expect(curlOf(callOf(origin, { method: "DELETE", path: "/v1/x", fields: [] }))).toBe("curl -X DELETE 'https://forge.example/v1/x'");
    expect(curlOf(callOf(origin, { method: "POST", path: "/v1/files", fields: [{ in: "form", name: "file", value: "@my $(notes).txt" }] }))).toBe("curl 'https://forge.example/v1/files' \\\n  -F 'file=@my $(notes).txt'");
    expect(curlOf(callOf(origin, { method: "GET", path: "/v1/x", fields: [{ in: "header", name: "X-Session-Id", value: "`id` $PATH" }] })), "a value that ends as a variable does").toContain("-H 'X-Session-Id: `id` $PATH'");
  });

  test("begins with what its schema requires", () => {
    const schema: Schema = { type: "object", required: ["name", "size", "kind", "inner", "when"], properties: { name: { type: "string" }, size: { type: "integer", minimum: 2 }, kind: { enum: ["a", "b"] }, inner: { $ref: "inner" }, more: { type: "string" }, when: { anyOf: [{ const: "now" }, { type: "null" }] } } };
    const follow = <T>(of: T | { $ref: string }): T => ((of as { $ref?: string }).$ref ? ({ type: "object", required: ["list"], properties: { list: { type: "array" } } } as T) : (of as T));
    expect(sketchOf(schema, follow)).toEqual({ name: "", size: 2, kind: "a", inner: { list: [] }, when: "now" });
  });
});
