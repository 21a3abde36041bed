/**
 * What the API is, told: the OpenAPI document, made from the schemas that read requests, so that it cannot say otherwise. Does not belong here:
 * anything that a request to a model passes through. Imports the routes' and protocols' schemas; imported by app.ts only.
 */
export { reference } from "./routes.ts";
