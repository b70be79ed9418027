import { randomUUID } from "node:crypto";
import type { Phone } from "@strata/phone";
import { seal } from "@strata/runtime";
import { anAppId } from "@strata/testing";
import { expect } from "chai";
import { aPhone } from "../../test/provider-fixture.ts";
import { aDelivery, anAndroid, anIphone, credentialsOf, KEY, openPusher, type Pusher } from "../../test/support.ts";
import { deletePushCredential } from "./delete-push-credential.ts";
import { listPushCredentials } from "./list-push-credentials.ts";
import { putPushCredential } from "./put-push-credential.ts";
import { sendCanary } from "./send-canary.ts";

describe("push credentials of an app", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async () => {
    phone = await aPhone();
    pusher = await openPusher("push-credentials", phone);
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });
  beforeEach(() => phone.reset());

  const put = async (app: string, kind: "fcm" | "apns", credentialId: string = randomUUID(), at = new Date()) => {
    const sealed = seal(KEY, JSON.stringify(credentialsOf(phone)[kind]));
    const command = aDelivery({ credentialId, kind, sealed, expiresAt: null }, { app, sentAt: at });
    expect(await putPushCredential(pusher.deps)(command)).to.deep.equal({ kind: "ack" });
    return credentialId;
  };
  const list = async (app: string, credentialId: string | null = null) => {
    const outcome = await listPushCredentials(pusher.deps)(aDelivery({ credentialId }, { app }));
    if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
    return outcome.reply.credentials;
  };
  const remove = async (app: string, credentialId: string, at = new Date(), id: string = randomUUID()) => {
    const outcome = await deletePushCredential(pusher.deps)(aDelivery({ credentialId }, { app, sentAt: at, id }));
    if (outcome.kind !== "reply") throw new Error(`no reply but ${outcome.kind}`);
    return outcome.reply.isKnown;
  };

  describe("listPushCredentials", () => {
    it("shows what each is for and how it stands, and nothing that opens anything", async () => {
      const app = anAppId();
      const [apnsId, fcmId] = [await put(app, "apns", randomUUID(), new Date(1_000)), await put(app, "fcm")];
      const credentials = await list(app);
      expect(credentials.map(({ credentialId }) => credentialId)).to.deep.equal([fcmId, apnsId]);
      const { service_account: account, apns_key: key } = phone.credentialFiles();
      expect(credentials[0]?.facts).to.include({
        projectId: account.project_id,
        clientEmail: account.client_email,
        keyId: account.private_key_id,
        teamId: null,
      });
      expect(credentials[1]?.facts).to.include({
        teamId: key.teamId,
        keyId: key.keyId,
        bundleId: key.topic,
        environment: "development",
        projectId: null,
      });
      expect(credentials[1]).to.include({
        createdAt: 1_000,
        changedAt: 1_000,
        state: "ok",
        reason: null,
        waitingPushes: 0,
      });
      const shown = JSON.stringify(credentials);
      expect(shown).to.not.include("PRIVATE");
      for (const pem of [account.private_key, key.key]) {
        for (const line of pem.split("\n").filter((text) => text.length > 20)) expect(shown).to.not.include(line);
      }
      expect(shown).to.not.include("v2.");
    });

    it("tells keys apart by their fingerprint, the same wherever it is shown", async () => {
      const [app, other] = [anAppId(), anAppId()];
      await Promise.all([put(app, "fcm"), put(app, "apns"), put(other, "fcm")]);
      const [ours, theirs] = [await list(app), await list(other)];
      expect(new Set(ours.map(({ facts }) => facts?.fingerprint)).size).to.equal(2);
      expect(ours.map(({ facts }) => facts?.fingerprint)).to.include(theirs[0]?.facts?.fingerprint);
    });

    it("finds one by its id, in its own app only", async () => {
      const [app, other] = [anAppId(), anAppId()];
      const credentialId = await put(app, "fcm");
      expect(await list(app, credentialId)).to.have.length(1);
      expect(await list(other, credentialId)).to.deep.equal([]);
      expect(await list(app, randomUUID())).to.deep.equal([]);
    });

    it("shows a row of an older version, of which less is known", async () => {
      const app = anAppId();
      const credentialId = randomUUID();
      const row = { app, credentialId, kind: "fcm", sealed: "v1.a.b.c", putAt: 5, by: "x" };
      await pusher.deps.db
        .collection<{ _id: string }>("push_credentials")
        .insertOne({ _id: `${app}/${credentialId}`, ...row });
      expect(await list(app)).to.deep.equal([
        {
          credentialId,
          kind: "fcm",
          facts: null,
          createdAt: 5,
          changedAt: 5,
          expiresAt: null,
          state: "unused",
          since: 5,
          reason: null,
          retryAt: null,
          waitingPushes: 0,
        },
      ]);
    });
  });

  describe("deletePushCredential", () => {
    it("removes it, as often as it is asked, and says of an unknown one that there was none", async () => {
      const app = anAppId();
      const credentialId = await put(app, "fcm");
      expect(await remove(app, credentialId)).to.equal(true);
      expect(await list(app)).to.deep.equal([]);
      expect(await remove(app, credentialId)).to.equal(true);
      const unknown = randomUUID();
      for (let time = 0; time < 2; time += 1) expect(await remove(app, unknown)).to.equal(false);
      expect(
        (await pusher.deps.providers.of(app))({
          ...anAndroid(1),
          userId: "a",
          deviceId: "d",
          registeredAt: 0,
          dueAt: 0,
        }),
      ).to.equal(null);
    });

    it("keeps an older put that comes late from bringing it back, and lets a newer one", async () => {
      const app = anAppId();
      const credentialId = randomUUID();
      expect(await remove(app, credentialId, new Date(2_000))).to.equal(false);
      await put(app, "fcm", credentialId, new Date(1_000));
      expect(await list(app)).to.deep.equal([]);
      await put(app, "fcm", credentialId, new Date(3_000));
      expect((await list(app)).map(({ createdAt }) => createdAt)).to.deep.equal([3_000]);
      await remove(app, credentialId, new Date(2_500));
      expect(await list(app)).to.have.length(1);
    });

    it("has each removal written down once, with what there was, also where another put came since", async () => {
      const app = anAppId();
      const credentialId = await put(app, "apns", randomUUID(), new Date(1_000));
      const id = randomUUID();
      const { commands } = pusher.deps;
      commands.length = 0;
      await remove(app, credentialId, new Date(2_000), id);
      await remove(app, credentialId, new Date(2_500));
      await remove(app, randomUUID());
      expect(commands).to.have.lengthOf(1);
      await put(app, "fcm", credentialId, new Date(3_000));
      await remove(app, credentialId, new Date(2_000), id);
      const [removed, , again] = commands;
      expect(again).to.deep.equal(removed);
      expect(removed).to.deep.nested.include({
        app,
        "payload.entryId": id,
        "payload.action": "push_credential.removed",
      });
      const { teamId } = phone.credentialFiles().apns_key;
      expect(removed).to.have.nested.property("payload.before").that.includes({ kind: "apns", teamId });
      expect(removed).to.have.nested.property("payload.after", null);
    });

    it("touches no other app's credential of the same id", async () => {
      const [app, other] = [anAppId(), anAppId()];
      const credentialId = await put(app, "fcm");
      await put(other, "fcm", credentialId);
      await remove(app, credentialId);
      expect(await list(other)).to.have.length(1);
    });
  });

  describe("sendCanary", () => {
    type Target = { readonly token: string } | { readonly userId: string; readonly deviceId: string };
    const aCanary = (app: string, credentialId: string, target: Target) =>
      aDelivery({ credentialId, target, notification: { text: "canary" } }, { app });
    const canary = async (delivery: ReturnType<typeof aCanary>) => sendCanary(pusher.deps)(delivery);
    const answerOf = (outcome: Awaited<ReturnType<typeof canary>>) => {
      if (outcome.kind !== "reply") throw new Error(`no reply but ${JSON.stringify(outcome)}`);
      return outcome.reply;
    };

    it("sends one push and answers with the provider's id for it", async () => {
      const app = anAppId();
      for (const [kind, { token }] of [
        ["fcm", anAndroid(700)],
        ["apns", anIphone(701)],
      ] as const) {
        const answer = answerOf(await canary(aCanary(app, await put(app, kind), { token })));
        expect(answer).to.include({ isAccepted: true, status: 200, reason: null });
        expect(answer.durationMs).to.be.at.least(0);
        const { received } = phone.device(token);
        expect(received.map(({ text }) => text)).to.deep.equal(["canary"]);
        expect(received[0]?.id.toLowerCase()).to.equal(answer.providerId?.toLowerCase());
      }
    });

    it("sends to a registered device, of the credential's own kind only", async () => {
      const app = anAppId();
      const [android, iphone] = [anAndroid(710), anIphone(711)];
      await pusher.register(app, "ann", android);
      await pusher.register(app, "ben", iphone);
      const fcm = await put(app, "fcm");
      const toAnn = { userId: "ann", deviceId: `phone-${android.token.slice(-8)}` };
      expect(answerOf(await canary(aCanary(app, fcm, toAnn)))).to.include({ isAccepted: true });
      expect(phone.device(android.token).received_count).to.equal(1);
      const toBen = { userId: "ben", deviceId: `phone-${iphone.token.slice(-8)}` };
      expect(await canary(aCanary(app, fcm, toBen))).to.have.nested.property("error.code", "invalid_property");
      expect(await canary(aCanary(app, fcm, { ...toAnn, deviceId: "none" }))).to.have.nested.property(
        "error.code",
        "not_found",
      );
      expect(phone.stats().pushes.received).to.equal(1);
    });

    it("answers a refusal word by word, and removes and closes nothing for it", async () => {
      const app = anAppId();
      const iphone = anIphone(720);
      await pusher.register(app, "ann", iphone);
      const apns = await put(app, "apns");
      const target = { userId: "ann", deviceId: `phone-${iphone.token.slice(-8)}` };
      for (const [reason, status] of [
        ["Unregistered", 410],
        ["BadDeviceToken", 400],
        ["InvalidProviderToken", 403],
      ] as const) {
        phone.addFault({ reason, times: 1 });
        expect(answerOf(await canary(aCanary(app, apns, target)))).to.include({ isAccepted: false, status, reason });
      }
      expect(answerOf(await canary(aCanary(app, apns, target)))).to.include({ isAccepted: true });
      expect((await list(app))[0]).to.include({ state: "ok" });
    });

    it("says why there is no answer", async () => {
      const app = anAppId();
      phone.addFault({ protocol: "fcm", behaviour: "reset", times: 1, skip: 1 });
      const answer = answerOf(await canary(aCanary(app, await put(app, "fcm"), { token: anAndroid(730).token })));
      expect(answer).to.include({ isAccepted: false, status: null, providerId: null });
      expect(answer.reason).to.be.a("string").that.has.length.greaterThan(0);
    });

    it("is sent once, however often the command comes, and answered the same", async () => {
      const app = anAppId();
      const delivery = aCanary(app, await put(app, "fcm"), { token: anAndroid(740).token });
      const answers = [answerOf(await canary(delivery)), answerOf(await canary(delivery))];
      expect(answers[1]).to.deep.equal(answers[0]);
      expect(phone.device(anAndroid(740).token).received_count).to.equal(1);
    });

    it("is not sent again by a repeat whose first was killed on the way", async () => {
      const app = anAppId();
      const delivery = aCanary(app, await put(app, "fcm"), { token: anAndroid(750).token });
      await pusher.deps.canaries.claim(app, delivery.id);
      expect(await canary(delivery)).to.have.nested.property("error.code", "conflict");
      expect(phone.device(anAndroid(750).token).received_count).to.equal(0);
    });

    it("finds no credential of another app", async () => {
      const app = anAppId();
      const credentialId = await put(app, "fcm");
      const outcome = await canary(aCanary(anAppId(), credentialId, { token: anAndroid(760).token }));
      expect(outcome).to.have.nested.property("error.code", "not_found");
    });
  });
});
