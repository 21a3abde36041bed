/** One request of each client protocol that has an object of every kind which is read, as their documentations write them. */

const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const pixel = "iVBORw0KGgo=";
const pdf = "JVBERi0=";
const cached = { type: "ephemeral", ttl: "1h" };

/** By the protocol's id; `lostAs`: what is lost as a whole, by where it stands. */
export const examples: Record<string, { body: Record<string, unknown>; lostAs: readonly (readonly [path: RegExp, losses: readonly string[]])[] }> = {
  "openai-chat": {
    body: {
      model: "m", stream: true, stream_options: { include_usage: true }, metadata: { team: "blue" }, modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" },
      reasoning: { effort: "low", summary: "auto" },
      messages: [
        { role: "system", content: [{ type: "text", text: "Be brief.", cache_control: cached }] },
        {
          role: "user", name: "ada", content: [
            { type: "text", text: "What is it?", prompt_cache_breakpoint: { mode: "explicit" } }, { type: "image_url", image_url: { url: "https://a.example/cat.png", detail: "low" } }, { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } },
            { type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${pdf}` } }, { type: "video_url", video_url: { url: "https://a.example/film.mp4" } },
          ],
        },
        {
          role: "assistant", content: "Let me see.", refusal: null, audio: { id: "audio_1" }, annotations: [{ type: "url_citation", url_citation: { url: "https://a.example", title: "A", start_index: 0, end_index: 3 } }],
          reasoning_details: [{ type: "reasoning.text", text: "Hm.", signature: "c2ln", index: 0 }],
          tool_calls: [
            { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Rome"}' }, extra_content: { google: { thought_signature: "c2ln" } } },
            { id: "call_2", type: "custom", custom: { name: "sql", input: "SELECT 1" } },
          ],
        },
        { role: "tool", tool_call_id: "call_1", content: [{ type: "text", text: "Rain" }] }, { role: "tool", tool_call_id: "call_2", content: "1" },
        { role: "assistant", content: null, function_call: { name: "weather", arguments: "{}" } }, { role: "function", name: "weather", content: "Sun" },
        { role: "assistant", content: [{ type: "refusal", refusal: "No." }, { type: "thinking", thinking: [{ type: "text", text: "Hm." }] }] },
        { role: "user", content: "Again" },
      ],
      tools: [
        { type: "function", function: { name: "weather", description: "The weather", parameters: schema, strict: true }, cache_control: cached },
        { type: "custom", custom: { name: "sql", format: { type: "grammar", grammar: { syntax: "lark", definition: "start: /.+/" } } } },
        { type: "web_search", web_search: { depth: 2 } },
      ],
      functions: [{ name: "time", parameters: schema }],
      tool_choice: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "weather" } }] } },
      response_format: { type: "json_schema", json_schema: { name: "place", schema, strict: true } },
    },
    lostAs: [
      [/^metadata/, ["metadata"]], [/^audio/, ["modalities"]], [/annotations/, ["citations"]], [/^tools\[1\].*format/, ["custom_tool"]], [/^tools\[2\]/, ["provider_tool"]],
      [/^response_format.*schema/, ["output_schema"]],
    ],
  },
  "anthropic-messages": {
    body: {
      model: "m", max_tokens: 2_000, metadata: { user_id: "u" }, thinking: { type: "enabled", budget_tokens: 1_024 },
      system: [{ type: "text", text: "Be brief.", cache_control: cached }],
      messages: [
        {
          role: "user", content: [
            { type: "text", text: "What is it?" }, { type: "image", source: { type: "base64", media_type: "image/png", data: pixel }, cache_control: cached }, { type: "image", source: { type: "url", url: "https://a.example/cat.png" } },
            { type: "document", source: { type: "base64", media_type: "application/pdf", data: pdf }, title: "A", context: "a letter", citations: { enabled: true } },
            { type: "document", source: { type: "content", content: [{ type: "text", text: "Rome is wet." }] } },
            { type: "search_result", source: "https://a.example", title: "A", content: [{ type: "text", text: "Rain" }], citations: { enabled: true } },
          ],
        },
        {
          role: "assistant", content: [
            { type: "thinking", thinking: "Hm.", signature: "c2ln" }, { type: "redacted_thinking", data: "c2ln" },
            { type: "text", text: "Rain.", citations: [{ type: "char_location", cited_text: "Rain", document_index: 0, start_char_index: 0, end_char_index: 4 }] },
            { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "Rome" } }, { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Rome" }, caller: { type: "direct" } },
          ],
        },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", is_error: true, content: [{ type: "text", text: "Rain" }, { type: "image", source: { type: "base64", media_type: "image/png", data: pixel } }] }] },
      ],
      tools: [{ name: "weather", description: "The weather", input_schema: schema, strict: true, cache_control: cached }, { type: "web_search_20250305", name: "web_search", user_location: { type: "approximate", city: "Rome" } }],
      tool_choice: { type: "auto", disable_parallel_tool_use: true },
      output_config: { effort: "low", format: { type: "json_schema", schema } },
    },
    lostAs: [[/citations\[0\]/, ["citations"]], [/server_tool_use|content\[3\]/, ["provider_content"]], [/^tools\[1\]/, ["provider_tool"]], [/^output_config.format.schema/, ["output_schema"]]],
  },
  "openai-responses": {
    body: {
      model: "m", metadata: { team: "blue" }, reasoning: { effort: "low", summary: "auto" }, text: { verbosity: "low", format: { type: "json_schema", name: "place", schema, strict: true } },
      instructions: [{ type: "message", role: "developer", content: [{ type: "input_text", text: "Be brief." }] }],
      input: [
        {
          role: "user", content: [
            { type: "input_text", text: "What is it?", prompt_cache_breakpoint: { mode: "explicit" } }, { type: "input_image", image_url: "https://a.example/cat.png", detail: "low" }, { type: "input_file", filename: "a.pdf", file_data: `data:application/pdf;base64,${pdf}` },
            { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } },
          ],
        },
        { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "Hm." }], content: [{ type: "reasoning_text", text: "Hm." }], encrypted_content: "c2ln" },
        { type: "message", id: "msg_1", status: "completed", role: "assistant", content: [{ type: "output_text", text: "Rain.", annotations: [{ type: "url_citation", url: "https://a.example", title: "A", start_index: 0, end_index: 4 }], logprobs: [] }, { type: "refusal", refusal: "No." }] },
        { type: "function_call", id: "fc_1", call_id: "call_1", name: "weather", arguments: '{"city":"Rome"}', status: "completed", caller: { type: "direct" } },
        { type: "function_call_output", call_id: "call_1", output: [{ type: "input_text", text: "Rain" }, { type: "input_image", image_url: `data:image/png;base64,${pixel}` }] },
        { type: "function_call", call_id: "call_2", name: "weather", arguments: "{}" }, { type: "function_call_output", call_id: "call_2", output: { rain: { mm: 3 } } },
        { type: "custom_tool_call", call_id: "call_3", name: "sql", input: "SELECT 1" }, { type: "custom_tool_call_output", call_id: "call_3", output: "1" },
        { type: "tool_search_call", call_id: "call_4", execution: "client", arguments: { query: "time" } }, { type: "tool_search_output", call_id: "call_4", execution: "client", tools: [{ type: "function", name: "time", parameters: schema }] },
        { type: "local_shell_call", id: "lsh_1", call_id: "call_5", action: { type: "exec", command: ["ls"] } },
      ],
      tools: [
        { type: "function", name: "weather", description: "The weather", parameters: schema, strict: true }, { type: "custom", name: "sql", format: { type: "grammar", syntax: "lark", definition: "start: /.+/" } },
        { type: "namespace", name: "sky", tools: [{ type: "function", name: "moon", parameters: schema }] }, { type: "web_search", filters: { allowed_domains: ["a.example"] } },
        { type: "tool_search", execution: "client", parameters: schema },
      ],
      tool_choice: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "weather" }] },
    },
    lostAs: [
      [/^metadata/, ["metadata"]], [/annotations/, ["citations"]], [/^input\[11\]/, ["provider_content"]], [/^tools\[1\].format/, ["custom_tool"]], [/^tools\[3\]/, ["provider_tool"]], [/^text.format.schema/, ["output_schema"]],
    ],
  },
  "gemini-generate": {
    body: {
      systemInstruction: { parts: [{ text: "Be brief." }] },
      contents: [
        { role: "user", parts: [{ text: "What is it?" }, { inlineData: { mimeType: "image/png", data: pixel }, mediaResolution: { level: "MEDIA_RESOLUTION_LOW" } }, { file_data: { mime_type: "application/pdf", file_uri: "https://a.example/a.pdf" } }] },
        { role: "model", parts: [{ text: "Hm.", thought: true, thoughtSignature: "c2ln" }, { functionCall: { id: "call_1", name: "weather", args: { city: "Rome" } } }, { executableCode: { language: "PYTHON", code: "1" } }] },
        { role: "user", parts: [{ functionResponse: { id: "call_1", name: "weather", response: { rain: { mm: 3 } }, parts: [{ inlineData: { mimeType: "image/png", data: pixel } }] } }] },
      ],
      tools: [{ functionDeclarations: [{ name: "weather", description: "The weather", parameters: { type: "OBJECT", properties: { city: { type: "STRING" } } } }] }, { googleSearch: { timeRangeFilter: {} } }],
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["weather"] } },
      generationConfig: { temperature: 0.5, thinkingConfig: { thinkingBudget: 1_024 }, responseMimeType: "application/json", responseJsonSchema: schema },
    },
    lostAs: [[/^contents\[1\].parts\[2\]/, ["provider_content"]], [/^tools\[\d\](?!.functionDeclarations)/, ["provider_tool"]], [/responseJsonSchema/, ["output_schema"]]],
  },
};
