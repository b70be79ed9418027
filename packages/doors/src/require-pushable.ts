import type { AnnouncementContent, Notification, PersonalTerms } from "@strata/contracts";
import {
  formatUserReference,
  invalidProperty,
  layerError,
  type LayerError,
  type LayerVersion,
} from "@strata/layer-protocol";
import { withoutTemplates } from "@strata/personalisation";
import { type NotifyingKind, type PayloadFault, payloadFaults, type PayloadSize } from "@strata/push-payload";
import { findInSlices } from "@strata/runtime";

type Pushed = Pick<PersonalTerms, "isPersonal" | "variants"> & Pick<AnnouncementContent, "notification">;

interface Addressed {
  readonly version: LayerVersion;
  readonly kind: NotifyingKind;
  /** Whom it is for, where that is known: their ids are part of what is pushed. */
  readonly recipients?: readonly string[];
}

/**
 * Refuses what would be too long to be pushed, or what no provider would take: for all, each variant, and each override.
 * Of a template only what is around it can be known; what it comes to for somebody is looked at when it is pushed to her.
 * @throws LayerError 422 `invalid_property` `notification…` or `variants[n].notification…`, with the size for each provider
 */
export async function requirePushable({ notification, variants = [], isPersonal = false }: Pushed, to: Addressed) {
  const userId = longestOf(to.recipients ?? []);
  const contents = [
    ["notification", notification] as const,
    ...variants.map((variant, index) => [`variants[${index}].notification`, variant.notification] as const),
  ];
  for (const [property, one] of contents) {
    if (one === null) continue;
    const fault = await faultOf(to.kind, isPersonal ? withoutTemplates(one) : one, userId);
    if (fault) throw refusal(property, fault, to.version);
  }
}

const faultOf = (kind: Addressed["kind"], notification: Notification, userId: string): Promise<PayloadFault | null> =>
  findInSlices(payloadFaults(kind, notification, userId), (fault) => fault !== null);

/** As long as user ids are, but for those of letters that take more than a byte. */
const ANYBODY = "x".repeat(128);

function longestOf(userIds: readonly string[]): string {
  let longest: string | undefined;
  let most = 0;
  for (const userId of userIds) {
    const bytes = Buffer.byteLength(userId);
    if (bytes > most) [longest, most] = [userId, bytes];
  }
  return longest ?? ANYBODY;
}

function refusal(property: string, { userId, sizes }: PayloadFault, version: LayerVersion): LayerError {
  const path = userId === null ? property : `${property}.recipients`;
  const whose = userId === null ? {} : { recipient: formatUserReference(version, userId) };
  const { apns, fcm } = sizes;
  const reserved = /^reserved_data_key: (.*)$/.exec(fcm.reason ?? "");
  if (reserved) return invalidProperty(`${path}.data`, `cannot have the key ${reserved[1]}, which FCM reserves`);
  const reason = `is too long to be pushed${userId === null ? "" : ` to ${userId}`}: `;
  const named = `${said("APNs", apns)}, ${said("FCM", fcm)}`;
  return layerError("invalid_property", `${path} ${reason}${named}`, {
    property: path,
    ...whose,
    apns: size(apns),
    fcm: size(fcm),
  });
}

const size = ({ bytes, limit }: PayloadSize) => ({ bytes, limit });

const said = (name: string, { bytes, limit }: PayloadSize): string => `${bytes} bytes of ${limit} to ${name}`;
