import { type CanaryAnswer, partitionOf, type PayloadOf, type SendCanary } from "@strata/contracts";
import { type Handler, refuse, reply } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { credentialFor } from "../domain/credential.ts";
import type { ProviderAnswer } from "../providers/provider-answer.ts";
import type { Push } from "../providers/push-provider.ts";
import type { OpenCredential, PushProviders } from "../push-providers.ts";
import type { CanaryStore } from "../store/canary-store.ts";
import type { DeviceStore } from "../store/device-store.ts";

interface Deps {
  readonly canaries: CanaryStore;
  readonly devices: Pick<DeviceStore, "ofUsers">;
  readonly providers: Pick<PushProviders, "byId">;
}

type Canary = PayloadOf<typeof SendCanary>;

/** Its own time is up before that of whoever asked, so that she hears what happened. */
const ANSWER_WITHIN_MS = 20_000;
const CANARY_TTL_SECONDS = 300;

/** Sends one push through one credential, once, and says what came back. Nothing follows from it. */
export const sendCanary =
  ({ canaries, devices, providers }: Deps): Handler<Canary, CanaryAnswer> =>
  async ({ app, id, payload }) => {
    const credential = await providers.byId(app, payload.credentialId);
    if (credential === null) return refuse(new DomainError("not_found", { object: "push_credential" }));
    const device = await deviceOf(devices, app, payload.target, credential);
    if (device === null) return refuse(new DomainError("not_found", { object: "device" }));
    if (credentialFor([credential], { ...device, environment: device.environment }) === null) {
      const message = "The credential is not for this kind of device, bundle or environment";
      return refuse(new DomainError("invalid_property", { property: "device_id" }, { message }));
    }
    if (!(await canaries.claim(app, id))) return repeated(canaries, app, id);
    const answer = await answerTo(credential, pushTo(device, payload, id));
    await canaries.answered(app, id, answer);
    return reply(answer);
  };

/** It was sent, or was about to be: a second one would tell nothing, and be seen. */
async function repeated(canaries: CanaryStore, app: string, id: string) {
  const answer = await canaries.answerTo(app, id);
  return answer
    ? reply(answer)
    : refuse(new DomainError("conflict", {}, { message: "The canary was sent; its answer is lost" }));
}

async function answerTo({ provider }: OpenCredential, push: Push): Promise<CanaryAnswer> {
  const sentAt = Date.now();
  const late = Promise.withResolvers<ProviderAnswer>();
  const timer = setTimeout(late.resolve, ANSWER_WITHIN_MS, { kind: "unanswered", reason: "no answer in time" });
  const said = await Promise.race([provider.ask(push, { isDryRun: false }), late.promise]);
  clearTimeout(timer);
  const durationMs = Date.now() - sentAt;
  if (said.kind !== "answered") {
    return { isAccepted: false, status: null, reason: said.reason, providerId: null, durationMs };
  }
  const { status, reason, providerId } = said;
  return { isAccepted: status === 200, status, reason, providerId, durationMs };
}

type CanaryDevice = Push["device"] & Parameters<typeof credentialFor>[1];

async function deviceOf(
  devices: Deps["devices"],
  app: string,
  target: Canary["target"],
  { kind, apns }: OpenCredential,
): Promise<CanaryDevice | null> {
  if ("token" in target) {
    const { token } = target;
    const environment = apns?.environment ?? "production";
    return { token, kind: kind === "fcm" ? "fcm_token" : kind, appBundle: null, environment };
  }
  const { userId, deviceId } = target;
  const owned = await devices.ofUsers(app, partitionOf(userId), [userId]);
  return owned.find((device) => device.deviceId === deviceId) ?? null;
}

const pushTo = (device: CanaryDevice, { notification }: Canary, id: string): Push => ({
  device,
  notification,
  collapseId: id,
  ttlSeconds: CANARY_TTL_SECONDS,
  priority: "high",
  data: { canary: "true" },
});
