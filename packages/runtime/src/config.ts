import { isIP } from "node:net";
import { z } from "zod";

/** One fault of the environment: which variable, and what is wrong with it, without its value. */
export interface ConfigFault {
  readonly variable: string;
  readonly problem: string;
}

/** The environment cannot be used. Lists every fault at once, and no value, since values may be secrets. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(
      `the environment is not usable: ${faults.map(({ variable, problem }) => `${variable} ${problem}`).join("; ")}`,
    );
    this.name = "ConfigError";
    this.faults = faults;
  }
}

/** Compose files and manifests pass an unset variable on as an empty one, which would coerce to 0; both mean absent. */
const valueIn = (env: NodeJS.ProcessEnv, variable: string): string | undefined => {
  const value = env[variable];
  return value === undefined || value.trim() === "" ? undefined : value;
};

/** Shorter values are too common in honest messages ("at most 65535") to count as a leak. */
const SHORTEST_SECRET = 8;

const faultOf = (issue: z.core.$ZodIssue, env: NodeJS.ProcessEnv): ConfigFault => {
  const variable = String(issue.path[0] ?? "environment");
  const value = valueIn(env, variable);
  if (value === undefined) return { variable, problem: "is missing" };
  const hasValue = value.length >= SHORTEST_SECRET && issue.message.includes(value);
  return { variable, problem: hasValue ? "is not valid" : `is not valid (${issue.message})` };
};

/**
 * A function that reads exactly these variables from an environment into a frozen object. Throws one ConfigError that
 * names every variable that is missing or wrong.
 */
export const defineConfig = <S extends z.ZodRawShape>(
  shape: S,
): ((env: NodeJS.ProcessEnv) => Readonly<z.infer<z.ZodObject<S>>>) => {
  const schema = z.object(shape);
  return (env) => {
    const given = Object.fromEntries(Object.keys(shape).map((variable) => [variable, valueIn(env, variable)]));
    const parsed = schema.safeParse(given);
    if (!parsed.success) throw new ConfigError(parsed.error.issues.map((issue) => faultOf(issue, env)));
    return Object.freeze(parsed.data);
  };
};

/** The probes' port (0 takes any free one), where all of a service's ports are, and the log level; every service has them. */
export const metricsConfig = {
  /** The address of one interface; absent: all of them, as containers need it. */
  LISTEN_HOST: z
    .string()
    .refine((text) => isIP(text) !== 0, { error: "expected an IP address" })
    .optional(),
  METRICS_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  LOG_LEVEL: z.enum(["error", "warn", "info", "debug"]).default("info"),
};

/** What `runService` itself reads from a service's config. */
export type RuntimeConfig = Readonly<z.infer<z.ZodObject<typeof metricsConfig>>>;

export const brokerConfig = {
  AMQP_URL: z.url({ protocol: /^amqps?$/, error: "expected amqp(s)://user:password@host:port/vhost" }),
};

/** The database is named in the path: without one the driver would quietly write to a database called "test". */
export const mongoConfig = {
  MONGO_URL: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\/[^/?\s]+\/[^/?\s]+(\?\S*)?$/, { error: "expected mongodb://host:port/database" }),
};

/** The prefix keeps several installations apart that share one Redis. */
export const redisConfig = {
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: "expected redis(s)://host:port" }),
  REDIS_KEY_PREFIX: z.string().default("strata:"),
};
