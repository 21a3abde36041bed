/** The cases that Open Responses publishes for servers, in our own words. https://www.openresponses.org/compliance */
type Json = Record<string, any>;

export type Said = { readonly response: Json; readonly events: readonly Json[] };
/** Asks the server; what comes back has been checked against the published schemas. */
export type Ask = (body: Json) => Promise<Said>;
/** `hosted`: the tool that the provider runs itself. The suite asks for it only where a server offers it; where the model's provider does not, it is refused by name. */
export type Case = { readonly id: string; readonly hosted?: string; readonly run: (ask: Ask) => Promise<string[]> };

const user = (content: unknown): Json => ({ type: "message", role: "user", content });
const tool: Json = { type: "function", name: "get_weather", description: "How the weather is in a place", parameters: { type: "object", properties: { location: { type: "string" } }, required: ["location"] } };
const pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const page = `data:application/pdf;base64,${Buffer.from("%PDF-1.1\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF").toString("base64")}`;

const answered = ({ response }: Said): string[] => [...(response.output.length > 0 ? [] : ["nothing is in its output"]), ...(response.status === "completed" ? [] : [`its status is ${response.status}`])];
const calls = ({ response }: Said): Json[] => (response.output as Json[]).filter(({ type }) => type === "function_call");
const called = (said: Said): string[] => (calls(said).length > 0 ? [] : ["no function is called"]);
const told = ({ events }: Said, ...wanted: ((event: Json) => boolean)[]): string[] => wanted.flatMap((one) => (events.some(one) ? [] : [`no event is ${String(one)}`]));
const has = (type: string) => ({ response }: Said): string[] => ((response.output as Json[]).some((item) => item.type === type) ? [] : [`no item is a ${type}`]);
const one = (id: string, body: Json, ...checks: ((said: Said) => string[])[]): Case => ({ id, run: async (ask) => { const said = await ask(body); return checks.flatMap((check) => check(said)); } });

export const cases: readonly Case[] = [
  one("basic-response", { input: [user("Greet me in three words.")] }, answered),
  one("streaming-response", { stream: true, input: [user("Name the first five numbers.")] }, answered, ({ events }) => (events.length > 0 ? [] : ["there are no events"])),
  one("system-prompt", { input: [{ type: "message", role: "system", content: "Speak as a sailor." }, user("Greet me.")] }, answered),
  one("tool-calling", { input: [user("How is the weather in San Francisco?")], tools: [tool] }, called),
  one("tool-calling-streaming", { stream: true, input: [user("How is the weather in San Francisco?")], tools: [tool] }, called, (said) => told(said,
    ({ type, item }) => type === "response.output_item.added" && item.type === "function_call", ({ type }) => type === "response.function_call_arguments.delta",
    ({ type }) => type === "response.function_call_arguments.done", ({ type, item }) => type === "response.output_item.done" && item.type === "function_call")),
  {
    id: "function-call-roundtrip",
    run: async (ask) => {
      const question = user("How warm is San Francisco? Use the tool.");
      const first = await ask({ input: [question], tools: [tool], tool_choice: { type: "function", name: "get_weather" } });
      const [call] = calls(first);
      if (!call) return called(first);
      return answered(await ask({ input: [question, call, { type: "function_call_output", call_id: call.call_id, output: '{"celsius":18}' }] }));
    },
  },
  one("image-input", { input: [user([{ type: "input_text", text: "What is in this picture?" }, { type: "input_image", image_url: pixel }])] }, answered),
  one("file-input", { input: [user([{ type: "input_text", text: "What is this file called?" }, { type: "input_file", filename: "page.pdf", file_data: page }])] }, answered),
  one("multi-turn", { input: [user("I am Alice."), { type: "message", role: "assistant", content: "Welcome, Alice." }, user("Who am I?")] }, answered),
  {
    id: "previous-response-id",
    run: async (ask) => {
      const first = await ask({ input: "Keep this word in mind: quince." });
      const second = await ask({ input: "Which word was it?", previous_response_id: first.response.id });
      return [...answered(first), ...answered(second), ...(second.response.previous_response_id === first.response.id ? [] : ["it does not say what it follows"])];
    },
  },
  { hosted: "file_search", ...one("file-search", {
    input: "Look in the store, and sum up one thing that you find.", tools: [{ type: "file_search", vector_store_ids: ["vs_1"] }], tool_choice: { type: "file_search" }, include: ["file_search_call.results"],
  }, answered, has("file_search_call")) },
  { hosted: "web_search", ...one("offline-web-search", {
    input: "Which kept result fits Open Responses best?", tools: [{ type: "web_search", external_web_access: false }], tool_choice: { type: "web_search" }, include: ["web_search_call.action.sources"],
  }, answered, has("web_search_call")) },
];
