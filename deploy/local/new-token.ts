// Prints a new token. start.mjs runs it with Node 24, so that what a token looks like is said in one place only.
import { createToken } from "../../packages/contracts/src/token.ts";

process.stdout.write(createToken());
