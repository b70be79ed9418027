export { type ApnsPayload, buildApnsPayload } from "./apns-payload.ts";
export { buildFcmBody } from "./fcm-payload.ts";
export { notificationFor } from "./notification-for.ts";
export { type PayloadFault, payloadFaults, type PayloadSize, type Platform } from "./payload-faults.ts";
export { type BuiltPayload, isSilent, MAX_PAYLOAD_BYTES, type Push } from "./push.ts";
export { dataOf, pushOf, type PushSubject } from "./push-of.ts";
