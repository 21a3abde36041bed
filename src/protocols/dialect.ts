/** How a provider's dialect of a protocol differs from the vendor's own. Everything optional is as the vendor has it. */
export type Dialect = {
  /** How it takes `stream_options`: usage comes by itself, or the request is refused. */
  readonly streamOptions?: "needless" | "refused";
  /** The newer name for `max_tokens` in chat completions. */
  readonly maxTokensField?: "max_completion_tokens";
  /** It knows developer messages, custom tools and lists of allowed ones, as OpenAI itself does. */
  readonly developerRole?: true;
  /** How it takes `reasoning_effort`: not at all (undefined), as OpenAI's `reasoning_effort`, or as a `reasoning` object. */
  readonly reasoning?: "effort" | "object";
  /** It takes its own reasoning back as `reasoning_content` or as `reasoning_details`. */
  readonly reasoningBack?: "reasoning_content" | "reasoning_details";
  /** It takes `{type: "json_schema"}`. */
  readonly jsonSchema?: true;
  /** It takes no ids of tool calls: results are told by name and order. */
  readonly callIds?: "refused";
  /** It counts a request as such, not one within a request (Gemini). */
  readonly counts?: "bare";
  /** It routes among providers itself, and knows the fields that clients have for such. */
  readonly routerFields?: true;
  /** It searches the web itself where it is asked to, in its protocol's own words. */
  readonly webSearch?: true;
  /** The models, by their ids, that take explicit breakpoints of the prompt cache in OpenAI's words. */
  readonly breakpoints?: RegExp;
  /** Fields that it refuses although the vendor knows them. */
  readonly refuses?: readonly string[];
};
