import type { Fact } from "./world.ts";

const BASE = "http://127.0.0.1:9700/apps/00000000-0000-4000-8000-000000000001";

/**
 * The body of the packet that tells of an announcement: fields and length of ours (packages/layer-protocol,
 * announcement-views.ts), but nothing in it is the recipient's own, so that all who have not read it share one text.
 */
export function announcementText({ id, at, sender, parts }: Fact, isRead: boolean): string {
  const url = `${BASE}/announcements/${id}`;
  const object = { type: "Announcement", id: `layer:///announcements/${id}`, url };
  return JSON.stringify({
    operation: "create",
    object,
    data: {
      ...object,
      receipts_url: `${url}/receipts`,
      conversation: null,
      position: at * 1024,
      parts: parts.map((part, index) => ({
        ...part,
        id: `${object.id}/parts/${index}`,
        encoding: null,
        content: null,
        url: `${url}/parts/${index}`,
        message_url: url,
        updated_at: null,
      })),
      sent_at: new Date(at).toISOString(),
      received_at: null,
      is_unread: !isRead,
      sender: {
        id: `layer:///identities/${sender}`,
        url: `${BASE}/users/${sender}`,
        user_id: sender,
        display_name: null,
      },
      notification: null,
      reply_to: null,
      updated_at: null,
    },
  });
}
