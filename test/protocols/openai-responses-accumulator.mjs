export { ResponseStream } from "openai/lib/responses/ResponseStream";
