/**
 * Pictures that are had by an address for an hour: sealed in R2 with a key that only the address has, so that nobody can list or read
 * them who was not given it. Does not belong here: what a picture is of, and who asked for it. Imports nothing.
 */
export { Pictures, type Shown } from "./pictures.ts";
