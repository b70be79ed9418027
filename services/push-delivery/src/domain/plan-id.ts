import { partitionKey, partitionOf } from "@strata/contracts";

/** A plan of a message. Beside `<app>/<announcement>/…`: a message may have the id of an announcement. */
export const messagePlanId = (app: string, messageId: string): string => `${app}/message/${messageId}`;

/** What the ids of those plans of an announcement begin with that may have this user: each batch of hers is one. */
export const announcementPlansOf = (app: string, announcementId: string, userId: string): string =>
  `${app}/${announcementId}/${partitionKey(partitionOf(userId))}`;
