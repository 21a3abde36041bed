/** The navigation, in order. A page joins it by its line here; whoever lacks the right does not see it. */
import type { IconName } from "./components/icon.tsx";
import type { Right } from "./rights.ts";

export const navigation: readonly { path: string; label: string; icon: IconName; right: Right }[] = [
  { path: "", label: "Overview", icon: "overview", right: "see" },
  { path: "/keys", label: "Keys", icon: "key", right: "see_keys" },
  { path: "/models", label: "Models", icon: "models", right: "see" },
  { path: "/requests", label: "Requests", icon: "list", right: "see_usage" },
  { path: "/usage", label: "Usage", icon: "usage", right: "see_usage" },
  { path: "/playground", label: "Playground", icon: "play", right: "try_models" },
  { path: "/files", label: "Files", icon: "file", right: "see_files" },
  { path: "/batches", label: "Batches", icon: "batch", right: "see_files" },
  { path: "/settings", label: "Settings", icon: "settings", right: "see" },
];

/** What those who run the gateway see below it. */
export const operatorLine: { path: string; label: string; icon: IconName } = { path: "/operator", label: "Operator", icon: "shield" };

/** What stands beside the dashboard, for everybody. */
export const elsewhere: readonly { href: string; label: string; icon: IconName }[] = [
  { href: "/docs", label: "Guides", icon: "book" },
  { href: "/reference", label: "API reference", icon: "code" },
];
