/** LangChain for JavaScript on Forge: models, chains, an agent with its tools, structured output, embeddings. */
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate } from "@langchain/core/prompts";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { createAgent, tool } from "langchain";
import { z } from "zod";
import { joined, key, play, same, url } from "./check.mjs";

const configuration = { baseURL: `${url}/v1` };
const llm = new ChatOpenAI({ model: "auto", apiKey: key, configuration, maxRetries: 0 });
const claude = new ChatOpenAI({ model: "claude-sonnet-4-6", apiKey: key, configuration, maxRetries: 0 });
const asked = [];
const weather = tool(({ city }) => (asked.push(city), `Rain in ${city}.`), { name: "get_weather", description: "The weather in a city", schema: z.object({ city: z.string() }) });

await play("langchain", {
  whole: async () => {
    for (const one of [llm, claude]) {
      const told = await one.invoke("What is Forge?");
      same([told.content, told.usage_metadata.total_tokens], ["A gateway.", 18]);
    }
  },
  streamed: async () => {
    for (const one of [llm, claude]) same(await joined(await one.stream("Explain machine learning"), ({ content }) => content), "First it learns.\n\nThen it knows.\n\nAt last it forgets.");
  },
  chained: async () => {
    const chain = ChatPromptTemplate.fromMessages([["system", "Answer based on: {docs}"], ["user", "{query}"]]).pipe(llm).pipe(new StringOutputParser());
    same(await chain.invoke({ docs: "It supports sovereign mode", query: "What is sovereign mode?" }), "Nothing leaves.");
  },
  agent: async () => {
    for (const model of [llm, claude]) {
      asked.length = 0;
      const { messages } = await createAgent({ model, tools: [weather] }).invoke({ messages: [{ role: "user", content: "What's the weather in Tokyo?" }] });
      same([asked, messages.at(-1).content], [["Tokyo"], "It rains in Tokyo."]);
    }
  },
  structured: async () => same(await llm.withStructuredOutput(z.object({ city: z.string() })).invoke("Name a city as JSON."), { city: "Dhaka" }),
  responses: async () => same((await new ChatOpenAI({ model: "gpt-5", apiKey: key, configuration, useResponsesApi: true }).invoke("What is Forge?")).text, "A gateway."),
  embeddings: async () => {
    const texts = new OpenAIEmbeddings({ model: "embedding", apiKey: key, configuration });
    same(await texts.embedDocuments(["Forge is an AI gateway", "It supports sovereign mode"]), [[0.5, -0.25, 0.125, 1], [0.5, -0.25, 0.125, 1]]);
    same(await texts.embedQuery("What is sovereign mode?"), [0.5, -0.25, 0.125, 1]);
  },
  refused: async () => {
    const stranger = new ChatOpenAI({ model: "auto", apiKey: "rrt-burst-nobody", configuration, maxRetries: 0 });
    same(await stranger.invoke("Hello").catch(({ status, code }) => ({ status, code })), { status: 401, code: "invalid_api_key" });
  },
});
