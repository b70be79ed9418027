export { type ApnsPayload, buildApnsPayload } from "./apns-payload.ts";
export { buildFcmBody } from "./fcm-payload.ts";
export { notificationFor } from "./notification-for.ts";
export {
  type NotifyingKind,
  type PayloadFault,
  payloadFaults,
  type PayloadSize,
  type Platform,
} from "./payload-faults.ts";
export { type BuiltPayload, collapseIdOf, isSilent, MAX_PAYLOAD_BYTES, present, type Push, tooLarge } from "./push.ts";
export { dataOf, pushOf, type PushSubject } from "./push-of.ts";
