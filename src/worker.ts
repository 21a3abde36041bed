export default { async fetch(req: Request, env: any) { return Response.json({ ok: true, d1: !!env.DB }); } };
import { DurableObject } from "cloudflare:workers";
export class KeyMeter extends DurableObject {}
