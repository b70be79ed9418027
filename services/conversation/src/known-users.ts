import { FindUnknownUsers, MakeUsersKnown } from "@strata/contracts";
import type { Client, Delivery } from "@strata/messaging";

/** The command that names them. Its time is theirs: a deletion after it holds, however late it is handled. */
type Naming = Pick<Delivery<unknown>, "id" | "traceparent" | "sentAt">;

/** The directory, as far as naming somebody makes her a known user (server API 10.8). */
export interface KnownUsers {
  /** Makes those of up to 1,000 users known who are not. */
  ensure(app: string, userIds: readonly string[], cause: Naming): Promise<void>;
}

/** Asks first, for mostly everybody is known, and a question costs a quarter of a command. */
export const knownUsersOver = (client: Client): KnownUsers => ({
  async ensure(app, userIds, cause) {
    if (userIds.length === 0) return;
    const { unknown } = await client.ask(FindUnknownUsers, app, { userIds: [...userIds] }, { cause });
    if (unknown.length === 0) return;
    const naming = { userIds: unknown, at: cause.sentAt.getTime() };
    await client.request(MakeUsersKnown, app, naming, { id: `${cause.id}.users-known`, cause });
  },
});
