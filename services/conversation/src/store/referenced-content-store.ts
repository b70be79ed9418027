import type { Db } from "mongodb";
import { z } from "zod";
import type { ReferencedContents } from "../referenced-contents.ts";

interface ContentReference {
  /** `<app>/<content id>` */
  readonly _id: string;
  /** Whose it is; null: it may be sent anywhere. */
  readonly conversation: string | null;
  readonly isUploaded: boolean;
}

const Found = z.object({ _id: z.string() });

export function mongoReferencedContentStore(db: Db): ReferencedContents {
  const contents = db.collection<ContentReference>("contents");
  return {
    async findMissing(app, conversationId, contentIds) {
      if (contentIds.length === 0) return [];
      const keyOf = (contentId: string): string => `${app}/${contentId}`;
      const filter = {
        _id: { $in: contentIds.map(keyOf) },
        conversation: { $in: [conversationId, null] },
        isUploaded: true,
      };
      const rows = await contents.find(filter, { projection: { _id: 1 }, batchSize: contentIds.length + 1 }).toArray();
      const found = new Set(rows.map((row) => Found.parse(row)._id));
      return contentIds.filter((contentId) => !found.has(keyOf(contentId)));
    },
  };
}
