import { type PayloadOf, ReportDeletion, type UserDeleted } from "@strata/contracts";
import { ack, type Handler, type Publisher } from "@strata/messaging";
import type { CapStore } from "../store/cap-store.ts";
import type { DeviceStore } from "../store/device-store.ts";
import type { PreferenceStore } from "../store/preference-store.ts";

const STEP = "push-delivery" as const;

interface Deps {
  readonly devices: Pick<DeviceStore, "forget" | "ofUser">;
  readonly preferences: Pick<PreferenceStore, "forget" | "find">;
  readonly caps: Pick<CapStore, "forget" | "takenBy">;
  readonly publisher: Publisher;
}

/**
 * Removes the devices, the preferences and the counted pushes of a user who asked to be forgotten, and remembers that she did.
 * How many there are is told before they go, so that it is not lost with this process. Pushes to her that wait are dropped when
 * they are due: to look for them would read every waiting chunk.
 */
export const forgetUser =
  ({ devices, preferences, caps, publisher }: Deps): Handler<PayloadOf<typeof UserDeleted>, never> =>
  async (delivery) => {
    const { app, id, payload } = delivery;
    const { userId, at } = payload;
    const report = (isDone: boolean, counts: Record<string, number>): Promise<void> =>
      publisher.send(
        ReportDeletion,
        app,
        { userId, at, step: STEP, counts, isDone },
        { id: `${id}.push-${isDone ? "done" : "counted"}`, cause: delivery },
      );
    const [owned, wishes, pushes] = await Promise.all([
      devices.ofUser(app, userId),
      preferences.find(app, [userId]),
      caps.takenBy(app, userId),
    ]);
    const hers = owned.filter(({ registeredAt }) => registeredAt <= at);
    await report(false, {
      devices: hers.length,
      preferences: wishes.size,
      counted_pushes: pushes.filter((push) => push.at <= at).length,
    });
    await Promise.all([
      devices.forget(app, userId, at),
      preferences.forget(app, userId, at),
      caps.forget(app, userId, at),
    ]);
    await report(true, {});
    return ack;
  };
