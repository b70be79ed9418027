import { z } from "zod";

const Count = z.int();
const counted = {
  messages: Count.meta({ description: "Sent in conversations" }),
  announcements: Count.meta({ description: "Accepted" }),
  announcements_sent: Count.meta({ description: "Recipients who got one" }),
};

export const UsageView = z
  .strictObject({
    days: z
      .array(
        z.strictObject({
          at: z.iso.datetime().meta({ description: "The beginning of the day" }),
          ...counted,
          active_users: Count.meta({ description: "Different users with a visit, a receipt or a message" }),
        }),
      )
      .meta({ description: "Oldest first; those on which nothing happened are left out" }),
    total: z.strictObject(counted),
  })
  .meta({
    id: "Usage",
    example: {
      days: [
        { at: "2020-01-02T00:00:00.000Z", messages: 120, announcements: 2, announcements_sent: 900, active_users: 310 },
      ],
      total: { messages: 120, announcements: 2, announcements_sent: 900 },
    },
  });
