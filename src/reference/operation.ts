/** What the document says of one method at one URL. */
import type * as z from "zod";
import type { AnswerName } from "./answers.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export type Operation = {
  /** Method and path, parameters in braces: `GET /v1/files/{file_id}`. `places.ts` knows each parameter. */
  readonly on: `${Method} /${string}`;
  /** What it does, in a few words. */
  readonly is: string;
  /** What else there is to know, as Markdown. */
  readonly says?: string;
  /** Where the vendor of this API describes it. */
  readonly docs?: string;
  /** Who may call; whoever has a key unless it says so. */
  readonly by?: "admin" | "anyone";
  /** It asks a model: the headers of such requests and of their answers. */
  readonly asks?: true;
  readonly query?: z.ZodObject;
  /** What a JSON body holds, what a form; `bodyOptional`: a request without one is taken too. */
  readonly json?: z.ZodType;
  readonly form?: z.ZodType;
  readonly bodyOptional?: true;
  /** What is answered in JSON when all is well, where it is the gateway's own: one of these. */
  readonly gives?: AnswerName | readonly AnswerName[];
  /** Of the answer when all is well: 200 and JSON unless it says otherwise; `type` null: it has no body. */
  readonly status?: number;
  readonly type?: string | null;
  /** The media type of the stream that can be asked for in its place. */
  readonly streams?: string;
};

/** Operations that stand together. */
export type Family = { readonly name: string; readonly about: string; readonly operations: readonly Operation[] };
