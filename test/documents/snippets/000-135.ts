// npm install openai
import OpenAI from "openai";

const client = new OpenAI({
    baseURL: "https://forge-api.lanaai.io/v1",
    apiKey: process.env.FORGE_API_KEY,
});

export async function POST(req: Request) {
    const { messages } = await req.json();

    const stream = await client.chat.completions.create({
        model: "auto",
        messages,
        stream: true,
    });

    // Return as a streaming response
    return new Response(stream.toReadableStream(), {
        headers: { "Content-Type": "text/event-stream" },
    });
}
