import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect } from "chai";
import {
  baseAsWritten,
  ConfigMap,
  Deployment,
  DisruptionBudget,
  NetworkPolicy,
  type Objects,
  objectsIn,
  ofKind,
  read,
  rendered,
  Secret,
  Service,
  ServiceAccount,
} from "./objects.ts";
import { configOf } from "./service-config.ts";

const root = new URL("../../", import.meta.url);
const services = readdirSync(new URL("services/", root)).filter((name) =>
  existsSync(new URL(`services/${name}/package.json`, root)),
);

/** The runtime ends a process by itself after this long; whoever kills it before loses the last line of its log. */
const FORCE_QUIT_S = 25;
/** What calls providers and backends. */
const REACH_OUT: ReadonlySet<string> = new Set(["push-delivery", "integration"]);
/** Set for Node itself, not read by our schemas. */
const NODE_VARIABLES: ReadonlySet<string> = new Set(["NODE_OPTIONS"]);
const MIB = { Mi: 1, Gi: 1024 } as const;

const podOf = (deployment: Deployment) => deployment.spec.template.spec;
const containerOf = (deployment: Deployment) => podOf(deployment).containers[0];
const mebibytes = (quantity: string | undefined): number => {
  const [, number, unit] = /^(\d+)(Mi|Gi)$/.exec(quantity ?? "") ?? [];
  return Number(number) * (unit === "Gi" ? MIB.Gi : MIB.Mi);
};
const versionIn = (text: string, pattern: RegExp): string | undefined => pattern.exec(text)?.[1];
const sorted = (values: Iterable<string>): readonly string[] => [...values].toSorted();

/** What holds for every rendering; each line is one that an operator would otherwise find out in production. */
function checkAll(objects: Objects): void {
  const deployments = ofKind(objects, Deployment);
  expect(sorted(deployments.map(({ metadata }) => metadata.name))).to.deep.equal(sorted(services));
  const configMaps = new Map(ofKind(objects, ConfigMap).map((map) => [map.metadata.name, map.data]));
  for (const deployment of deployments) {
    checkPod(deployment);
    checkSelectors(deployment, objects);
    for (const { valueFrom, name } of containerOf(deployment).env) {
      const reference = valueFrom?.configMapKeyRef;
      if (reference) expect(configMaps.get(reference.name), name).to.have.property(reference.key);
    }
  }
}

function checkPod(deployment: Deployment): void {
  const { name } = deployment.metadata;
  const pod = podOf(deployment);
  const container = containerOf(deployment);
  expect(container.image, "images are pinned").to.match(/:(?!latest$)[\w.-]+$|@sha256:[0-9a-f]{64}$/);
  expect(container.ports.find((port) => port.name === "metrics")?.containerPort, name).to.equal(
    Number(container.env.find((entry) => entry.name === "METRICS_PORT")?.value),
  );
  for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
    expect(probe.httpGet.port, name).to.equal("metrics");
  }
  // A startup or liveness probe that asked for readiness would kill pods that only wait for the broker.
  expect(container.startupProbe.httpGet.path).to.equal("/healthz");
  expect(container.livenessProbe.httpGet.path).to.equal("/healthz");
  expect(container.readinessProbe.httpGet.path).to.equal("/readyz");

  const preStopS = container.lifecycle?.preStop.sleep.seconds ?? 0;
  expect(pod.terminationGracePeriodSeconds, name).to.be.greaterThan(FORCE_QUIT_S + preStopS);

  const heap = /--max-old-space-size=(\d+)/.exec(
    container.env.find((entry) => entry.name === "NODE_OPTIONS")?.value ?? "",
  )?.[1];
  expect(Number(heap) / mebibytes(container.resources.limits["memory"]), name).to.be.within(0.7, 0.8);
  expect(container.resources.requests, name).to.have.all.keys("cpu", "memory");

  expect(pod.serviceAccountName).to.equal(name);
  expect([pod.automountServiceAccountToken, pod.enableServiceLinks]).to.deep.equal([false, false]);
  expect(pod.securityContext).to.deep.include({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
  expect(pod.securityContext).to.have.property("runAsUser").that.is.a("number").and.is.above(0);
  expect(container.securityContext).to.deep.equal({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  expect(container.volumeMounts.map((mount) => mount.name)).to.have.members(pod.volumes.map((volume) => volume.name));
}

/** Budget, service, policy and account belong to the deployment of their name and select exactly its pods. */
function checkSelectors(deployment: Deployment, objects: Objects): void {
  const { name } = deployment.metadata;
  const { labels } = deployment.spec.template.metadata;
  const named = <T extends { metadata: { name: string } }>(list: readonly T[]): T => {
    const found = list.find(({ metadata }) => metadata.name === name);
    if (!found) throw new Error(`nothing of this kind belongs to ${name}`);
    return found;
  };
  const service = named(ofKind(objects, Service));
  const selectors = [
    deployment.spec.selector.matchLabels,
    ...podOf(deployment).topologySpreadConstraints.map((constraint) => constraint.labelSelector.matchLabels),
    service.spec.selector,
    named(ofKind(objects, DisruptionBudget)).spec.selector.matchLabels,
    named(ofKind(objects, NetworkPolicy)).spec.podSelector.matchLabels,
  ];
  for (const selector of selectors) expect(selector, name).to.deep.equal(labels);
  named(ofKind(objects, ServiceAccount));
  const ports = containerOf(deployment).ports.map((port) => port.name);
  expect(service.spec.ports.map(({ targetPort }) => targetPort)).to.have.members(ports);
}

const egressPorts = (objects: Objects, service: string): readonly (number | string)[] =>
  ofKind(objects, NetworkPolicy)
    .filter(({ metadata }) => metadata.name === service)
    .flatMap(({ spec }) => spec.egress)
    .flatMap(({ ports }) => ports.map(({ port }) => port));

/** The rows of the table of variables in k8s/README.md. */
function documentedVariables(): readonly { variable: string; services: readonly string[]; isRequired: boolean }[] {
  const rows = read("README.md").matchAll(/^\| `([A-Z][A-Z0-9_]*)` +\|([^|]*)\|([^|]*)\|/gm);
  return [...rows].map(([, variable = "", users = "", needed = ""]) => ({
    variable,
    services: users.trim() === "all" ? services : users.split(",").map((user) => user.trim()),
    isRequired: needed.trim() === "required",
  }));
}

describe("the Kubernetes manifests", () => {
  const base = baseAsWritten();

  it("hold for every service as written: probes, limits, budget, policy, account, selectors, pinned image", () => {
    checkAll(base);
  });

  for (const folder of ["base", ...readdirSync(new URL("k8s/overlays/", root)).map((name) => `overlays/${name}`)]) {
    it(`hold as kubectl renders ${folder}`, async function renders() {
      this.timeout(60_000);
      const objects = await rendered(folder);
      if (objects === null) this.skip();
      else checkAll(objects);
    });
  }

  it("refuse all traffic that no policy of a service allows", () => {
    const deny = ofKind(base, NetworkPolicy).find(({ metadata }) => metadata.name === "default-deny");
    expect(deny?.spec).to.deep.equal({
      podSelector: { matchLabels: {} },
      policyTypes: ["Ingress", "Egress"],
      ingress: [],
      egress: [],
    });
    for (const deployment of ofKind(base, Deployment)) {
      const { name } = deployment.metadata;
      const stores = { MONGO_URL: 27_017, REDIS_URL: 6_379 };
      for (const [variable, port] of Object.entries(stores)) {
        const isUsed = containerOf(deployment).env.some((entry) => entry.name === variable);
        expect(egressPorts(base, name).includes(port), `${name}: ${variable}`).to.equal(isUsed);
      }
      expect(egressPorts(base, name).includes(443), name).to.equal(REACH_OUT.has(name));
    }
  });

  it("give the gateway no database", async () => {
    const gateway = ofKind(base, Deployment).find(({ metadata }) => metadata.name === "gateway");
    expect(gateway && containerOf(gateway).env.map(({ name }) => name)).to.not.include.members(["MONGO_URL"]);
    expect(egressPorts(base, "gateway")).to.not.include.members([27_017]);
    expect([...(await configOf("gateway")).variables]).to.not.include.members(["MONGO_URL"]);
  });

  for (const service of services) {
    it(`set what ${service} reads from its environment, and nothing else`, async () => {
      const { variables, required } = await configOf(service);
      const deployment = ofKind(base, Deployment).find(({ metadata }) => metadata.name === service);
      const env = deployment ? containerOf(deployment).env : [];
      const names = env.map(({ name }) => name).filter((name) => !NODE_VARIABLES.has(name));
      expect([...variables], "known to its schema").to.include.members(names);
      const certain = env.filter(({ valueFrom }) => !valueFrom?.secretKeyRef?.optional).map(({ name }) => name);
      expect(certain, "required").to.include.members([...required]);
    });

    it(`name the secret keys of ${service} in the example`, () => {
      const deployment = ofKind(base, Deployment).find(({ metadata }) => metadata.name === service);
      const wanted = (deployment ? containerOf(deployment).env : []).flatMap(({ name, valueFrom }) => {
        if (!valueFrom?.secretKeyRef) return [];
        expect(valueFrom.secretKeyRef).to.include({ name: `strata-${service}`, key: name });
        return name;
      });
      const examples = ofKind(objectsIn(read("secret.example.yaml")), Secret);
      const example = examples.find(({ metadata }) => metadata.name === `strata-${service}`);
      expect(sorted(Object.keys(example?.stringData ?? {}))).to.deep.equal(sorted(wanted));
    });

    it(`document every variable of ${service} in k8s/README.md`, async () => {
      const { variables, required } = await configOf(service);
      const documented = documentedVariables().filter((row) => row.services.includes(service));
      expect(sorted(documented.map(({ variable }) => variable))).to.deep.equal(sorted(variables));
      const documentedAsRequired = documented.filter(({ isRequired }) => isRequired).map(({ variable }) => variable);
      expect(sorted(documentedAsRequired)).to.deep.equal(sorted(required));
    });
  }
});

describe("deploy/Dockerfile", () => {
  const dockerfile = readFileSync(new URL("deploy/Dockerfile", root), "utf8");
  const toolchain = readFileSync(new URL("deploy/local/toolchain.mjs", root), "utf8");

  it("uses the very Node and pnpm that the tests ran with", () => {
    const node = versionIn(toolchain, /nodeVersion = "([\d.]+)"/);
    const pnpm = versionIn(toolchain, /pnpmVersion = "([\d.]+)"/);
    expect(versionIn(dockerfile, /node:([\d.]+)-/))
      .to.be.a("string")
      .that.equals(node);
    expect(versionIn(dockerfile, /pnpm@([\d.]+)/))
      .to.be.a("string")
      .that.equals(pnpm);
  });

  it("runs as the user that the manifests name", () => {
    const uid = Number(versionIn(dockerfile, /^USER (\d+):\d+$/m));
    for (const deployment of ofKind(baseAsWritten(), Deployment)) {
      expect(podOf(deployment).securityContext).to.have.property("runAsUser", uid);
    }
  });
});
