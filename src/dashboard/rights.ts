/** What each role may do, as data: the navigation, every page and every action ask here, and the test of all roles × all routes is made of it. */
import type { Role } from "../accounts/members.ts";

const everybody: readonly Role[] = ["owner", "admin", "developer", "viewer", "billing"];
const admins: readonly Role[] = ["owner", "admin"];
const makers: readonly Role[] = ["owner", "admin", "developer"];

export const rights = {
  see: everybody,
  see_usage: everybody,
  see_keys: ["owner", "admin", "developer", "viewer"],
  change_keys: makers,
  see_bodies: makers,
  try_models: makers,
  see_files: ["owner", "admin", "developer", "viewer"],
  use_files: makers,
  see_people: ["owner", "admin", "developer", "viewer"],
  change_people: admins,
  see_limits: everybody,
  change_limits: admins,
  see_money: ["owner", "admin", "billing"],
  change_money: ["owner", "billing"],
  see_credentials: admins,
  change_credentials: admins,
  see_audit: admins,
  change_organisation: admins,
} as const satisfies Record<string, readonly Role[]>;

export type Right = keyof typeof rights;

/** Whether a role has a right. */
export const may = (role: Role, right: Right): boolean => (rights[right] as readonly Role[]).includes(role);
