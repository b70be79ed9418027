import { ReportDeletion } from "@strata/contracts";
import { anAppId, aUserId } from "@strata/testing";
import { expect } from "chai";
import { deletionReport } from "./report-deletion.ts";
import { aDelivery, recordingPublisher } from "./testing-recorders.ts";

describe("deletionReport", () => {
  it("says the same under the same ids however often it is told, and each service under its own", async () => {
    const { commands, publisher } = recordingPublisher();
    const deleted = { app: anAppId(), userId: aUserId(1), at: 5_000 };
    const cause = aDelivery({});
    const told = async (step: Parameters<typeof deletionReport>[1]) => {
      const report = deletionReport(publisher, step, deleted, cause);
      await report.counted({ devices: 2 });
      await report.done();
      return commands.splice(0);
    };
    const command = (step: string, id: string, counts: Record<string, number>, isDone: boolean) => ({
      type: ReportDeletion.type,
      app: deleted.app,
      payload: { userId: deleted.userId, at: deleted.at, step, counts, isDone },
      id: `${cause.id}.${id}`,
    });
    expect(await told("conversation")).to.deep.equal([
      command("conversation", "counted", { devices: 2 }, false),
      command("conversation", "done", {}, true),
    ]);
    expect(await told("push-delivery")).to.deep.equal([
      command("push-delivery", "push-counted", { devices: 2 }, false),
      command("push-delivery", "push-done", {}, true),
    ]);
    const once = await told("integration");
    expect(once).to.deep.equal([
      command("integration", "integration-counted", { devices: 2 }, false),
      command("integration", "integration-done", {}, true),
    ]);
    expect(await told("integration")).to.deep.equal(once);
  });
});
