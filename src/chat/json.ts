/** JSON whose large integers survive: tool inputs are the model's words, and a rounded id is another id. */

declare global {
  interface JSON {
    /** A number that `JSON.stringify` writes as it is spelled here. https://github.com/tc39/proposal-json-parse-with-source */
    rawJSON(text: string): { readonly rawJSON: string };
  }
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;
const parse = JSON.parse as (text: string, reviver?: Reviver) => unknown;

const exact: Reviver = (_, value, { source }) =>
  typeof value === "number" && source !== undefined && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? JSON.rawJSON(source) : value;

/** `JSON.parse`, but integers that a double cannot hold come as objects that `JSON.stringify` writes as they were. Throws SyntaxError. */
export const parseExact = (text: string): unknown => parse(text, /\d{16}/.test(text) ? exact : undefined);
