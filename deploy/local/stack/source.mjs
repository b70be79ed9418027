import { Advice } from "../say.mjs";

/** The environment variables that say where the stack is. */
const urlNames = /** @type {const} */ (["AMQP_URL", "AMQP_MANAGEMENT_URL", "MONGO_URL", "REDIS_URL"]);

/** @typedef {Record<(typeof urlNames)[number], string>} StackUrls */
/** @typedef {"environment" | "containers" | "servers"} Source */

/**
 * Where the stack comes from: addresses given in the environment win, then a container engine that runs, then servers on
 * this machine.
 * @param {{ env: NodeJS.ProcessEnv, engineAnswers: () => Promise<boolean> }} machine
 * @returns {Promise<Source>}
 */
export async function chooseSource({ env, engineAnswers }) {
  if (urlsFrom(env) !== undefined) return "environment";
  return (await engineAnswers()) ? "containers" : "servers";
}

/**
 * The addresses in the environment, if there are any. Some without the others would mix two stacks by accident.
 * @param {NodeJS.ProcessEnv} env
 * @returns {StackUrls | undefined}
 */
export function urlsFrom(env) {
  const { AMQP_URL, AMQP_MANAGEMENT_URL, MONGO_URL, REDIS_URL } = env;
  if (AMQP_URL && AMQP_MANAGEMENT_URL && MONGO_URL && REDIS_URL) {
    return { AMQP_URL, AMQP_MANAGEMENT_URL, MONGO_URL, REDIS_URL };
  }
  const given = urlNames.filter((name) => env[name]);
  if (given.length === 0) return undefined;
  const missing = urlNames.filter((name) => !env[name]);
  throw new Advice(
    `${given.join(", ")} set, but not ${missing.join(", ")}: set all four to use your own servers, or none.`,
  );
}

/**
 * The same server with a database of its own in the address.
 * @param {string} mongoUrl
 * @param {string} database
 */
export function withDatabase(mongoUrl, database) {
  const [, server, options] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)(?:\/[^?]*)?(\?.*)?$/.exec(mongoUrl) ?? [];
  if (server === undefined) throw new Advice(`MONGO_URL is not a MongoDB address: ${mongoUrl}`);
  return `${server}/${database}${options ?? ""}`;
}

/**
 * An environment that names no server: each service is given only what it may use.
 * @param {NodeJS.ProcessEnv} env
 */
export const withoutUrls = (env) => Object.fromEntries(Object.entries(env).filter(([name]) => !isUrlName(name)));

/** @param {string} name */
const isUrlName = (name) => urlNames.some((urlName) => urlName === name);
