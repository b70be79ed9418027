import { type AnyContract, catalogue as allContracts } from "@strata/contracts";
import type { Consumer } from "./consumer.ts";
import { expectedQueue } from "./topology.ts";

/**
 * Proves at start that a service's rows and the catalogue fit together. Returns one sentence per fault, each naming
 * the file to fix; an empty list means sound.
 */
export function faultsOf(
  service: string,
  rows: readonly Consumer[],
  catalogue: readonly AnyContract[] = allContracts,
): readonly string[] {
  const file = `services/${service}/src/consumers.ts`;
  const handled = rows.flatMap((row) => row.handlers.map(({ contract }) => contract));
  const queues = rows.map(({ queue }) => queue);
  return [
    ...repeated(queues).map((queue) => `${file}: two rows consume ${queue}; put their handlers into one row`),
    ...repeated(handled.map(({ type }) => type)).map((type) => `${file}: ${type} has two handlers`),
    ...catalogue
      .filter((contract) => contract.kind !== "event" && contract.service === service)
      .filter((contract) => !handled.includes(contract))
      .map(({ type }) => `${file}: ${type} is in the catalogue but no row handles it`),
    ...handled
      .filter((contract) => !catalogue.includes(contract))
      .map(({ type }) => `${file}: ${type} is not in packages/contracts/src/catalogue.ts`),
    ...rows.flatMap((row) => faultsOfRow(file, service, row)),
    ...catalogue.flatMap((contract) => missingSubscriptions(file, service, rows, contract)),
  ];
}

function faultsOfRow(file: string, service: string, row: Consumer): readonly string[] {
  const contracts = row.handlers.map(({ contract }) => contract);
  const faults: string[] = [];
  if (contracts.length === 0) faults.push(`${file}: ${row.queue} has no handler`);
  if (new Set(contracts.map(({ kind }) => kind)).size > 1) {
    faults.push(`${file}: ${row.queue} mixes commands, queries and events; give each a row of its own`);
  }
  const expected = expectedQueue(row);
  if (expected !== null && expected !== row.queue) {
    faults.push(`${file}: the queue of ${contracts[0]?.type} is ${expected}, not ${row.queue}`);
  }
  if (!row.queue.startsWith(`${service}.`)) faults.push(`${file}: ${row.queue} does not begin with ${service}.`);
  for (const contract of contracts) {
    if (contract.kind === "event" && row.scope === "service" && !contract.consumedBy.includes(row.queue)) {
      faults.push(`${file}: ${contract.type} does not name ${row.queue} in consumedBy (packages/contracts)`);
    }
  }
  return faults;
}

/** An event that names one of our queues as its consumer, and no row that takes it: it would pile up or be lost. */
function missingSubscriptions(
  file: string,
  service: string,
  rows: readonly Consumer[],
  contract: AnyContract,
): readonly string[] {
  if (contract.kind !== "event") return [];
  return contract.consumedBy
    .filter((queue) => queue.startsWith(`${service}.`))
    .filter(
      (queue) => !rows.some((row) => row.queue === queue && row.handlers.some((one) => one.contract === contract)),
    )
    .map((queue) => `${file}: ${contract.type} names ${queue} as a consumer, but no row there handles it`);
}

const repeated = (values: readonly string[]): readonly string[] => [
  ...new Set(values.filter((value, index) => values.indexOf(value) !== index)),
];
