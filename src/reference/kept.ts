/** Files, uploads and batches. */
import * as z from "zod";
import * as batches from "../routes/batches.ts";
import { anthropicQuery, openaiQuery, purposes } from "../routes/file-shapes.ts";
import { listQuery as messageBatchesQuery } from "../routes/message-batches.ts";
import * as uploads from "../routes/uploads.ts";
import type { Family } from "./operation.ts";

const openai = (page: string): string => `https://platform.openai.com/docs/api-reference/${page}`;
const anthropic = (page: string): string => `https://docs.anthropic.com/en/api/${page}`;
const bytes = () => z.string().meta({ format: "binary" });
const lines = "application/x-jsonl";

/** A form is read part by part as it comes, by no schema: `routes/file-form.ts` and the shapes of files say what it may have. */
const fileForm = () => z.object({ file: bytes(), purpose: z.enum(purposes), "expires_after[anchor]": z.literal("created_at").optional(), "expires_after[seconds]": z.number().int().optional() });
/** A line of `requests` is checked while it comes (`batches/input-line.ts`). */
const messageBatch = () => z.object({ requests: z.array(z.object({ custom_id: z.string(), params: z.looseObject({}) })) });

export const keptFamilies = (): Family[] => [
  {
    name: "Files", about: "The organisation's files, sealed at rest. Clients that name a version of Anthropic's API get its shape.",
    operations: [
      { on: "POST /v1/files", is: "Upload a file", says: "At most 512 MB.", docs: openai("files/create"), form: fileForm() },
      { on: "GET /v1/files", is: "List files", says: "Anthropic's clients page by `page`, `after_id`, `before_id` and `ids[]`.", docs: openai("files/list"), query: z.object({ ...anthropicQuery.shape, ...openaiQuery.shape }) },
      { on: "GET /v1/files/{file_id}", is: "What is known of a file", docs: openai("files/retrieve") },
      { on: "GET /v1/files/{file_id}/content", is: "A file's bytes", says: "`Range` asks for a part of it.", docs: openai("files/retrieve-contents"), type: "application/octet-stream" },
      { on: "DELETE /v1/files/{file_id}", is: "Delete a file", says: "409 `conflict` while a batch that has not ended needs it.", docs: openai("files/delete") },
      { on: "POST /v1/uploads", is: "Begin an upload in parts", says: "To 8 GB.", docs: openai("uploads/create"), json: uploads.newSchema },
      { on: "POST /v1/uploads/{upload_id}/parts", is: "Add a part", says: "At most 64 MiB.", docs: openai("uploads/add-part"), form: z.object({ data: bytes() }) },
      { on: "POST /v1/uploads/{upload_id}/complete", is: "Make the parts a file", docs: openai("uploads/complete"), json: uploads.completionSchema },
      { on: "POST /v1/uploads/{upload_id}/cancel", is: "Drop an upload", docs: openai("uploads/cancel") },
    ],
  },
  {
    name: "Batches", about: "Many requests answered within a day, over any model: OpenAI's files of lines, and Anthropic's message batches.",
    operations: [
      { on: "POST /v1/batches", is: "Begin a batch", docs: openai("batch/create"), json: batches.newSchema },
      { on: "GET /v1/batches", is: "List batches", docs: openai("batch/list"), query: batches.listQuery },
      { on: "GET /v1/batches/{batch_id}", is: "How a batch stands", docs: openai("batch/retrieve") },
      { on: "POST /v1/batches/{batch_id}/cancel", is: "Cancel a batch", docs: openai("batch/cancel") },
      { on: "POST /v1/messages/batches", is: "Begin a message batch", docs: anthropic("creating-message-batches"), json: messageBatch() },
      { on: "GET /v1/messages/batches", is: "List message batches", docs: anthropic("listing-message-batches"), query: messageBatchesQuery },
      { on: "GET /v1/messages/batches/{message_batch_id}", is: "How a message batch stands", docs: anthropic("retrieving-message-batches") },
      { on: "POST /v1/messages/batches/{message_batch_id}/cancel", is: "Cancel a message batch", docs: anthropic("canceling-message-batches") },
      { on: "GET /v1/messages/batches/{message_batch_id}/results", is: "A message batch's answers", docs: anthropic("retrieving-message-batch-results"), type: lines },
      { on: "DELETE /v1/messages/batches/{message_batch_id}", is: "Delete a message batch that has ended", docs: anthropic("deleting-message-batches") },
    ],
  },
];
