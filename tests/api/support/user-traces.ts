import { type Platform, serviceNames } from "@strata/tests-platform";

/** The collections in which a user's id stands somewhere, of all databases of a platform: `<service>/<collection>`. */
export async function tracesOf(platform: Platform, userId: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const service of serviceNames) {
    if (service === "gateway") continue;
    const db = platform.db(service);
    for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
      for await (const row of db.collection(name).find()) {
        if (!JSON.stringify(row).includes(userId)) continue;
        found.push(`${service}/${name}`);
        break;
      }
    }
  }
  return found.toSorted();
}
