import type { AppSettings, Query } from "@strata/contracts";
import { LayerError } from "@strata/layer-protocol";
import { expect } from "chai";
import { settingsCache } from "./settings-cache.ts";

const aSettings = (maxParticipants: number): AppSettings => ({
  sessionTtlSeconds: 60,
  maxParticipants,
  maxConversationMetadataBytes: 2_048,
  maxAnnouncementRecipients: 1,
  maxPartsPerMessage: 1,
  showsPhoneNumbers: false,
  showsEmailAddresses: false,
  showsMetadata: false,
});

const nobody = () => Promise.reject(new Error("this test sends no commands"));

/** A call of an app whose directory answers what `answer` says, and counts how often it was asked. */
function aCall(appId: string, answer: () => Promise<AppSettings | null>) {
  const asked = { times: 0 };
  const calls = {
    async ask<Payload, Reply>(query: Query<Payload, Reply>): Promise<Reply> {
      asked.times += 1;
      return query.reply.parse({ settings: await answer() });
    },
    request: nobody,
    send: nobody,
    inApp: () => calls,
    within: () => calls,
    remainingMs: 1_000,
  };
  return { asked, call: { wire: { version: "3.0" as const, baseUrl: "https://api.example.com", appId }, calls } };
}

describe("settingsCache", () => {
  it("asks once for callers who come together, and again after a few seconds", async () => {
    let now = 0;
    const settings = settingsCache(() => now);
    const { asked, call } = aCall("a", async () => aSettings(3));
    const both = await Promise.all([settings.of(call), settings.of(call)]);
    expect(both.map(({ maxParticipants }) => maxParticipants)).to.deep.equal([3, 3]);
    now = 4_999;
    await settings.of(call);
    expect(asked.times).to.equal(1);
    now = 5_000;
    await settings.of(call);
    expect(asked.times).to.equal(2);
  });

  it("keeps each app's settings apart", async () => {
    const settings = settingsCache();
    const limitOf = async (appId: string, limit: number) =>
      (await settings.of(aCall(appId, async () => aSettings(limit)).call)).maxParticipants;
    expect([await limitOf("a", 1), await limitOf("b", 2)]).to.deep.equal([1, 2]);
  });

  it("keeps nothing of an answer that was under way when the settings changed", async () => {
    for (const forget of ["forget", "forgetAll"] as const) {
      const settings = settingsCache();
      const early = Promise.withResolvers<AppSettings>();
      const first = settings.of(aCall("a", () => early.promise).call);
      settings[forget]("a");
      early.resolve(aSettings(1));
      expect((await first).maxParticipants, forget).to.equal(1);
      const second = await settings.of(aCall("a", async () => aSettings(2)).call);
      expect(second.maxParticipants, forget).to.equal(2);
    }
  });

  it("answers invalid_app_id for an app that is not there, and asks again the next time", async () => {
    const settings = settingsCache();
    const { asked, call } = aCall("a", async () => null);
    for (const times of [1, 2]) {
      const error = await settings.of(call).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(LayerError).and.have.property("id", "invalid_app_id");
      expect(asked.times).to.equal(times);
    }
  });
});
