import type { FoundAnnouncementPlace, FoundMessagePlace } from "@strata/contracts";
import { isUuid } from "@strata/layer-protocol";

/** A place in the order in which hits come: newest first, of one moment announcements before messages. */
export type SearchPlace =
  | ({ readonly type: "announcement" } & FoundAnnouncementPlace)
  | ({ readonly type: "message" } & FoundMessagePlace);

export function compareSearchPlaces(a: SearchPlace, b: SearchPlace): number {
  if (a.at !== b.at) return b.at - a.at;
  if (a.type === "message" && b.type === "message") {
    return b.position - a.position || compareIds(a.messageId, b.messageId);
  }
  if (a.type === "announcement" && b.type === "announcement") {
    // Without an id it is behind all of its time.
    return compareIds(a.announcementId ?? "~", b.announcementId ?? "~");
  }
  return a.type === "announcement" ? -1 : 1;
}

const compareIds = (a: string, b: string): number => (a < b ? -1 : a === b ? 0 : 1);

/** Behind which announcement a search goes on from a place. */
export function announcementsBehind(place: SearchPlace | null): FoundAnnouncementPlace | null {
  if (place === null) return null;
  return { at: place.at, announcementId: place.type === "announcement" ? place.announcementId : null };
}

/** Behind which message it does. */
export function messagesBehind(place: SearchPlace | null): FoundMessagePlace | null {
  if (place === null) return null;
  if (place.type === "announcement") return { at: place.at, position: Number.MAX_SAFE_INTEGER, messageId: "" };
  return { at: place.at, position: place.position, messageId: place.messageId };
}

/** A place as `Layer-Next` says it and `from_id` takes it. */
export const formatSearchPlace = (place: SearchPlace): string =>
  place.type === "announcement"
    ? `a.${place.at}.${place.announcementId ?? ""}`
    : `m.${place.at}.${place.position}.${place.messageId}`;

/** null for what is none. */
export function parseSearchPlace(text: string): SearchPlace | null {
  const [type, ...rest] = text.split(".");
  if (type === "a" && rest.length === 2) {
    const [at, announcementId] = [numberOf(rest[0]), idOf(rest[1])];
    return at === null || announcementId === null
      ? null
      : { type: "announcement", at, announcementId: announcementId === "" ? null : announcementId };
  }
  if (type !== "m" || rest.length !== 3) return null;
  const [at, position, messageId] = [numberOf(rest[0]), numberOf(rest[1]), idOf(rest[2])];
  return at === null || position === null || messageId === null ? null : { type: "message", at, position, messageId };
}

const numberOf = (text = ""): number | null => {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : null;
};

const idOf = (text = ""): string | null => (text === "" || isUuid(text) ? text.toLowerCase() : null);
