import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. Everything the commands write is below `.strata` in it. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** @param {...string} parts */
export const inRoot = (...parts) => join(root, ...parts);

/** @param {...string} parts */
export const inStrata = (...parts) => join(root, ".strata", ...parts);
