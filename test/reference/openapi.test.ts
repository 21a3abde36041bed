/** The document by the specification's own schema. On Node: the validator compiles what it checks by. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { version } from "../../package.json";
import { openapi } from "../../src/reference/document.ts";

test("the document is OpenAPI 3.1", async () => {
  const validator = new Validator();
  expect(await validator.validate(openapi())).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
});

test("a document with a fault is none", async () => {
  const document = openapi();
  expect((await new Validator().validate({ ...document, paths: { "/v1/models": { get: { responses: { "9XX": {} } } } } })).valid).toBe(false);
});

test("its version is the project's", () => {
  expect(openapi().info).toMatchObject({ version });
});
