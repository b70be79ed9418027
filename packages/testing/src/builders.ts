import { randomUUID } from "node:crypto";

/** A new app, so that two tests never share one. */
export const anAppId = (): string => randomUUID();

export const anAnnouncementId = (): string => randomUUID();

/** The nth user; ids sort as their numbers do. */
export const aUserId = (n = 1): string => `user-${String(n).padStart(6, "0")}`;

/** Users 1 to `count`, in order. */
export const userIds = (count: number): string[] => Array.from({ length: count }, (_, index) => aUserId(index + 1));
