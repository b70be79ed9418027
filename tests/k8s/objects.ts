import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";

const Labels = z.record(z.string(), z.string());
const KeyRef = z.object({ name: z.string(), key: z.string(), optional: z.boolean().default(false) });
const EnvEntry = z.object({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z.object({ secretKeyRef: KeyRef.optional(), configMapKeyRef: KeyRef.optional() }).strict().optional(),
});
const Probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) }).loose();
const Container = z
  .object({
    name: z.string(),
    image: z.string(),
    ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
    env: z.array(EnvEntry),
    startupProbe: Probe,
    livenessProbe: Probe,
    readinessProbe: Probe,
    lifecycle: z.object({ preStop: z.object({ sleep: z.object({ seconds: z.number() }) }) }).optional(),
    resources: z.object({ requests: Labels, limits: Labels }),
    securityContext: z.unknown(),
    volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
  })
  .loose();
const PodSpec = z
  .object({
    serviceAccountName: z.string(),
    automountServiceAccountToken: z.boolean(),
    enableServiceLinks: z.boolean(),
    terminationGracePeriodSeconds: z.number(),
    securityContext: z.unknown(),
    topologySpreadConstraints: z.array(z.object({ labelSelector: z.object({ matchLabels: Labels }) }).loose()),
    containers: z.tuple([Container]),
    volumes: z.array(z.object({ name: z.string() }).loose()),
  })
  .loose();
const Metadata = z.object({ name: z.string(), namespace: z.string().optional(), labels: Labels.default({}) }).loose();

export const Deployment = z.object({
  kind: z.literal("Deployment"),
  metadata: Metadata,
  spec: z
    .object({
      replicas: z.number().int().min(1),
      selector: z.object({ matchLabels: Labels }),
      template: z.object({ metadata: z.object({ labels: Labels }).loose(), spec: PodSpec }),
    })
    .loose(),
});
export type Deployment = z.infer<typeof Deployment>;

export const Service = z.object({
  kind: z.literal("Service"),
  metadata: Metadata,
  spec: z
    .object({ selector: Labels, ports: z.array(z.object({ name: z.string(), targetPort: z.string() }).loose()) })
    .loose(),
});
export const DisruptionBudget = z.object({
  kind: z.literal("PodDisruptionBudget"),
  metadata: Metadata,
  spec: z.object({ maxUnavailable: z.literal(1), selector: z.object({ matchLabels: Labels }) }).strict(),
});

const PolicyPort = z.object({ port: z.union([z.number(), z.string()]) }).loose();
const PolicyRule = z.object({ ports: z.array(PolicyPort).min(1) }).loose();
export const NetworkPolicy = z.object({
  kind: z.literal("NetworkPolicy"),
  metadata: Metadata,
  spec: z.object({
    podSelector: z.object({ matchLabels: Labels.default({}) }),
    policyTypes: z.array(z.enum(["Ingress", "Egress"])),
    ingress: z.array(PolicyRule).default([]),
    egress: z.array(PolicyRule).default([]),
  }),
});
export const ServiceAccount = z.object({
  kind: z.literal("ServiceAccount"),
  metadata: Metadata,
  automountServiceAccountToken: z.literal(false),
});
export const ConfigMap = z.object({ kind: z.literal("ConfigMap"), metadata: Metadata, data: Labels });
export const Secret = z.object({ kind: z.literal("Secret"), metadata: Metadata, stringData: Labels });
const Kustomization = z
  .object({
    resources: z.array(z.string()),
    configMapGenerator: z.array(z.object({ name: z.string(), literals: z.array(z.string()) })).default([]),
  })
  .loose();

/** Every object of these manifests, of whatever kind. */
export type Objects = readonly unknown[];

const fileIn = (path: string): string => fileURLToPath(new URL(`../../k8s/${path}`, import.meta.url));
export const read = (path: string): string => readFileSync(fileIn(path), "utf8");

export const objectsIn = (yaml: string): Objects =>
  parseAllDocuments(yaml).map((document) => {
    const [error] = document.errors;
    if (error) throw error;
    return document.toJS() as unknown;
  });

/** The objects of one kind; one that does not have the shape that all of ours have is an error. */
export function ofKind<T>(
  objects: Objects,
  schema: z.ZodType<T> & { shape: { kind: { value: string } } },
): readonly T[] {
  const WithKind = z.object({ kind: z.string() });
  return objects
    .filter((object) => WithKind.parse(object).kind === schema.shape.kind.value)
    .map((object) => schema.parse(object));
}

/** The base as it is written: what can be checked on a machine without kubectl. */
export function baseAsWritten(): Objects {
  const { resources, configMapGenerator } = Kustomization.parse(parse(read("base/kustomization.yaml")));
  const generated = configMapGenerator.map(({ name, literals }) => ({
    kind: "ConfigMap",
    metadata: { name },
    data: Object.fromEntries(literals.map((literal) => splitOnce(literal))),
  }));
  return [...resources.flatMap((file) => objectsIn(read(`base/${file}`))), ...generated];
}

function splitOnce(literal: string): readonly [string, string] {
  const at = literal.indexOf("=");
  return [literal.slice(0, at), literal.slice(at + 1)];
}

const run = promisify(execFile);

/** What kubectl makes of a folder; null on a machine without kubectl. */
export async function rendered(folder: string): Promise<Objects | null> {
  try {
    const { stdout } = await run("kubectl", ["kustomize", fileIn(folder)], { maxBuffer: 32 * 1024 * 1024 });
    return objectsIn(stdout);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
