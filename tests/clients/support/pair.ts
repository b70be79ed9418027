import { eventually } from "@strata/testing";
import type { ClientName } from "./page-server.ts";
import type { UserPage } from "./user-page.ts";
import type { World } from "./world.ts";

/** Two users of one client, logged in before the first test of a suite and gone after its last. */
export interface Pair {
  readonly alice: UserPage;
  readonly bob: UserPage;
  /** Alice begins a new conversation with Bob; answers when he has its message. */
  talk(text?: string): Promise<{ readonly conversationId: string; readonly messageId: string }>;
}

/** For use within `describe`. */
export function pairOf(world: () => World, client: ClientName): Pair {
  let users: readonly UserPage[] = [];
  before(async () => {
    users = await Promise.all(["alice", "bob"].map((name) => world().login(client, world().newUserId(name))));
  });
  after(() => Promise.all(users.map((user) => user[Symbol.asyncDispose]())));
  const user = (index: number): UserPage => {
    const found = users[index];
    if (found === undefined) throw new Error("nobody has logged in");
    return found;
  };
  return {
    get alice() {
      return user(0);
    },
    get bob() {
      return user(1);
    },
    async talk(text = "hello") {
      const [alice, bob] = [user(0), user(1)];
      const ids = await alice.do("converse", { participants: [bob.userId], text });
      await bob.has("message", ids.messageId);
      await bob.has("conversation", ids.conversationId);
      return ids;
    },
  };
}

/** What a query has once it asks for nothing more. */
export const loaded = (page: UserPage, query: string) =>
  eventually(
    () => page.do("rows", query),
    ({ isFiring }) => !isFiring,
  );

export const messagesOf = (conversationId: string) =>
  ({ model: "Message", predicate: `conversation.id = '${conversationId}'` }) as const;
