import { FindBlockers } from "@strata/contracts";
import type { Cause, Client } from "@strata/messaging";

/** Who of some users blocks a sender? */
export interface Check {
  readonly senderId: string;
  readonly userIds: readonly string[];
}

/** The directory, as far as it knows who does not want to hear from whom. */
export interface Blockers {
  /** In the order of the checks, of which there may be up to 1,000. */
  find(app: string, checks: readonly Check[], cause: Cause): Promise<readonly (readonly string[])[]>;
}

export const blockersOver = (client: Client): Blockers => ({
  async find(app, checks, cause) {
    const asked = checks.map(({ senderId, userIds }) => ({ senderId, userIds: [...userIds] }));
    const { blockers } = await client.ask(FindBlockers, app, { checks: asked }, { cause });
    return blockers;
  },
});
