import type { PayloadOf, UserDeleted } from "@strata/contracts";
import { ack, deletionReport, type Handler, type Publisher } from "@strata/messaging";
import type { CapStore } from "../store/cap-store.ts";
import type { DeviceStore } from "../store/device-store.ts";
import type { PreferenceStore } from "../store/preference-store.ts";

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
    const { app, payload } = delivery;
    const { userId, at } = payload;
    const report = deletionReport(publisher, "push-delivery", { app, userId, at }, delivery);
    const [owned, wishes, pushes] = await Promise.all([
      devices.ofUser(app, userId),
      preferences.find(app, [userId]),
      caps.takenBy(app, userId),
    ]);
    const hers = owned.filter(({ registeredAt }) => registeredAt <= at);
    await report.counted({
      devices: hers.length,
      preferences: wishes.size,
      counted_pushes: pushes.filter((push) => push.at <= at).length,
    });
    await Promise.all([
      devices.forget(app, userId, at),
      preferences.forget(app, userId, at),
      caps.forget(app, userId, at),
    ]);
    await report.done();
    return ack;
  };
