import { randomBytes, randomUUID } from "node:crypto";
import type { StrataClient } from "@strata/cli";
import { partitionKey, partitionOf } from "@strata/contracts";
import type { Phone } from "@strata/phone";
import type { Db } from "mongodb";

/** What an app needs to push to a phone process. */
export type CredentialFiles = ReturnType<Phone["credentialFiles"]>;

/** A device as a test knows it: whose it is, and under which token the phone lists what it got. */
export interface TestDevice {
  readonly userId: string;
  readonly kind: "fcm_token" | "apns";
  readonly token: string;
}

const DEVICES_PER_INSERT = 10_000;
const REGISTRATIONS_AT_ONCE = 16;

/** Android and iPhone in turn, each with a token of its own. */
export const devicesFor = (
  userIds: readonly string[],
  kinds: readonly TestDevice["kind"][] = ["fcm_token", "apns"],
): readonly TestDevice[] =>
  userIds.map((userId, index) => {
    const kind = kinds[index % kinds.length] ?? "apns";
    const token = randomBytes(32).toString("hex");
    return { userId, kind, token: kind === "apns" ? token : `fcm-${token}` };
  });

/** Puts the phone's own credentials for FCM and APNs, as an operator does. */
export async function putCredentials(account: StrataClient, appId: string, files: CredentialFiles): Promise<void> {
  const { service_account, apns_key } = files;
  const credentials = [
    { kind: "fcm", service_account },
    {
      kind: "apns",
      team_id: apns_key.teamId,
      key_id: apns_key.keyId,
      private_key: apns_key.key,
      bundle_id: apns_key.topic,
      environment: "development",
    },
  ];
  for (const body of credentials) {
    await account.request("PUT", `/accounts/apps/${appId}/push_credentials/${randomUUID()}`, { body });
  }
}

/** Registers them as apps do. */
export async function registerDevices(
  client: StrataClient,
  appId: string,
  devices: readonly TestDevice[],
  bundleId: string,
): Promise<void> {
  const queue = devices.values();
  const worker = async (): Promise<void> => {
    for (const { userId, kind, token } of queue) {
      const body =
        kind === "apns"
          ? { platform: "ios", kind, token, environment: "development", app_id: bundleId }
          : { platform: "android", kind, token, environment: "development" };
      await client.request("PUT", `/apps/${appId}/users/${userId}/devices/phone`, { body });
    }
  };
  await Promise.all(Array.from({ length: REGISTRATIONS_AT_ONCE }, worker));
}

/** Puts them straight into push-delivery's collection, where registering many is not what is looked at. */
export async function insertDevices(
  pushDelivery: Db,
  appId: string,
  devices: readonly TestDevice[],
  bundleId: string,
): Promise<void> {
  const rows = pushDelivery.collection<{ _id: string }>("devices");
  const registeredAt = Date.now() - 60_000;
  for (let first = 0; first < devices.length; first += DEVICES_PER_INSERT) {
    await rows.insertMany(
      devices.slice(first, first + DEVICES_PER_INSERT).map(({ userId, kind, token }) => ({
        _id: `${appId}/${partitionKey(partitionOf(userId))}/${encodeURIComponent(userId)}/phone`,
        app: appId,
        partition: partitionOf(userId),
        userId,
        deviceId: "phone",
        platform: kind === "apns" ? "ios" : "android",
        kind,
        token,
        environment: "development",
        appBundle: kind === "apns" ? bundleId : null,
        locale: null,
        timeZone: null,
        appVersion: null,
        registeredAt,
        by: randomUUID(),
      })),
      { ordered: false },
    );
  }
}
