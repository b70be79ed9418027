import { z } from "zod";

const Moment = z.iso.datetime({ offset: true });
const Time = z.iso.datetime();
const AT = "2026-01-02T03:04:05.678Z";

/** The body of `POST …/users/:user/announcements/read`. */
export const InboxReadBody = z
  .object({
    until: Moment.nullish().meta({ description: "What came later stays unread; absent or of the future: now" }),
  })
  .meta({ id: "InboxRead", example: { until: AT } });

export const InboxReadView = z.strictObject({ until: Time }).meta({ id: "InboxReadUntil", example: { until: AT } });
