import { pathToFileURL } from "node:url";
import { z } from "zod";

const services = new URL("../../services/", import.meta.url);

const ConfigModule = z.object({ loadConfig: z.function({ input: [z.unknown()], output: z.unknown() }) });
const ConfigFaults = z.object({ faults: z.array(z.object({ variable: z.string() })) });

/** What a service reads from its environment, and what of it has no default. */
export interface ServiceConfig {
  readonly variables: ReadonlySet<string>;
  readonly required: ReadonlySet<string>;
}

/**
 * Asks a service's own `loadConfig`, with an environment that has nothing and remembers what it was asked for. Loaded by
 * path: a test of the manifests belongs to no service, and services are not to be imported.
 */
export async function configOf(service: string): Promise<ServiceConfig> {
  const url = pathToFileURL(new URL(`${service}/src/config.ts`, services).pathname);
  const { loadConfig } = ConfigModule.parse(await import(url.href));
  const variables = new Set<string>();
  const emptyEnv = new Proxy({}, { get: (_target, name) => void variables.add(String(name)) });
  try {
    loadConfig(emptyEnv);
    return { variables, required: new Set() };
  } catch (error) {
    const { faults } = ConfigFaults.parse(error);
    return { variables, required: new Set(faults.map(({ variable }) => variable)) };
  }
}
