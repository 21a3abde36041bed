import type { Provider } from "./provider.ts";

/** Black Forest Labs, who make Flux. Regions answer for what they were asked. https://docs.bfl.ai/ */
export const bfl: Provider = {
  id: "bfl",
  name: "Black Forest Labs",
  baseUrl: "https://api.bfl.ai",
  speaks: ["flux-images"],
  auth: (secret) => ({ "x-key": secret }),
  apiHosts: ["api.eu.bfl.ai", "api.us.bfl.ai", "api.eu1.bfl.ai", "api.us1.bfl.ai", "api.eu2.bfl.ai", "api.us2.bfl.ai"],
  fileHosts: [".bfl.ai", "bfldeliverysc.blob.core.windows.net"],
  alsoCalled: ["black-forest-labs"],
};
