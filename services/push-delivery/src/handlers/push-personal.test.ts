import type { PersonalFacts, PersonalTerms } from "@strata/contracts";
import { localised, nobodyKnown, personaliserFor } from "@strata/personalisation";
import type { Phone } from "@strata/phone";
import { anAppId, eventually } from "@strata/testing";
import { expect } from "chai";
import { aPhone } from "../../test/provider-fixture.ts";
import {
  aBatch,
  aDelivery,
  anAndroid,
  anIphone,
  openPusher,
  type Pusher,
  usersOfOnePartition,
} from "../../test/support.ts";
import { startDuePushes } from "../due-pushes.ts";
import { followCorrection } from "./follow-up.ts";
import { pushBatch } from "./push-batch.ts";

const TERMS: PersonalTerms = {
  isPersonal: true,
  defaults: { first_name: "there" },
  variants: [
    {
      locale: "de",
      parts: [{ mimeType: "text/plain", body: "Hallo {{ first_name }}", encoding: null }],
      notification: { title: "Neu", text: "Hallo {{ first_name }}" },
    },
  ],
};
const NOTIFICATION = { title: "News", text: "Hello {{ first_name }}" };

describe("the push of a personal announcement", () => {
  let phone: Phone;
  let pusher: Pusher;
  before(async () => {
    phone = await aPhone();
    pusher = await openPusher("push-personal", phone);
  });
  beforeEach(() => {
    phone.removeFaults();
    pusher.said.asked.length = 0;
    pusher.said.isDirectoryAway = false;
  });
  after(async () => {
    await pusher[Symbol.asyncDispose]();
    await phone.close();
  });

  let nextToken = 70_000;

  /** To users of one partition, each with what is known of her, by turns with an iPhone and an Android. */
  async function anAnnouncement(facts: readonly Partial<PersonalFacts>[], terms = TERMS) {
    const app = anAppId();
    await pusher.putCredentials(app);
    const users = usersOfOnePartition(facts.length);
    const devices = users.map((_, index) => (index % 2 === 0 ? anIphone : anAndroid)((nextToken += 1)));
    for (const [index, userId] of users.entries()) {
      const device = devices[index];
      if (device) await pusher.register(app, userId, device);
      pusher.said.facts.set(userId, { ...nobodyKnown(userId), ...facts[index] });
    }
    const batch = aBatch(app, users);
    pusher.said.notifications.set(batch.announcementId, NOTIFICATION);
    pusher.said.terms.set(batch.announcementId, terms);
    const received = () => devices.map(({ token }) => phone.device(token).received.map(({ text }) => text));
    return { app, users, batch, delivery: aDelivery(batch, { app }), received };
  }
  const outcomesOf = async (batchId: string) =>
    (await pusher.deps.chunks.ofPlan(batchId)).flatMap(({ outcomes }) => outcomes);

  it("says to each in her language and by her name what her inbox says, and asks the directory once per batch", async () => {
    const facts = [
      { firstName: "Ann" },
      { firstName: "Bob", locale: "de-AT" },
      { firstName: " " },
      { locale: "de_CH" },
    ];
    const { users, delivery, received } = await anAnnouncement(facts);
    await pushBatch(pusher.deps)(delivery);
    expect(received()).to.deep.equal([["Hello Ann"], ["Hallo Bob"], ["Hello there"], ["Hallo there"]]);
    expect(pusher.said.asked, "two credentials, so two chunks").to.deep.equal([4]);

    const inInbox = users.map((userId, index) => {
      const recipient = { ...nobodyKnown(userId), ...facts[index] };
      const said = { ...TERMS, parts: [{ mimeType: "text/plain", body: NOTIFICATION.text, encoding: null }] };
      const { parts } = localised({ ...said, notification: NOTIFICATION }, recipient.locale);
      return personaliserFor(TERMS, recipient)
        .parts(parts)
        .map(({ body }) => body);
    });
    expect(received()).to.deep.equal(inInbox);
  });

  it("says it to who is not known, too", async () => {
    const { users, delivery, received } = await anAnnouncement([{ firstName: "Ann" }]);
    pusher.said.facts.delete(users[0] ?? "");
    await pushBatch(pusher.deps)(delivery);
    expect(received()).to.deep.equal([["Hello there"]]);
  });

  it("asks the directory nothing where everybody is told the same", async () => {
    const { delivery, received } = await anAnnouncement([{ firstName: "Ann" }], {});
    await pushBatch(pusher.deps)(delivery);
    expect(received()).to.deep.equal([[NOTIFICATION.text]]);
    expect(pusher.said.asked).to.deep.equal([]);
  });

  it("claims nothing while the directory is away, and pushes once when the batch comes again", async () => {
    const { batch, delivery, received } = await anAnnouncement([{ firstName: "Ann" }, { firstName: "Bob" }]);
    pusher.said.isDirectoryAway = true;
    const failure: unknown = await pushBatch(pusher.deps)(delivery).catch((error: unknown) => error);
    expect(pusher.deps.directory.isDown(failure)).to.equal(true);
    expect(await pusher.deps.chunks.ofPlan(batch.batchId)).to.deep.equal([]);
    pusher.said.isDirectoryAway = false;
    await pushBatch(pusher.deps)({ ...delivery, isRedelivered: true });
    await pushBatch(pusher.deps)({ ...delivery, isRedelivered: true });
    expect(received()).to.deep.equal([["Hello Ann"], ["Hello Bob"]]);
  });

  it("keeps what is due until the directory answers, and goes on with what needs no directory", async () => {
    // More than there are workers, and due before the one that needs no directory.
    const personal: Awaited<ReturnType<typeof anAnnouncement>>[] = [];
    const fault = phone.addFault({ reason: "ServiceUnavailable" });
    for (let n = 0; n < 6; n += 1) personal.push(await anAnnouncement([{ firstName: "Ann" }]));
    const plain = await anAnnouncement([{ firstName: "Ann" }], {});
    for (const { delivery } of [...personal, plain]) await pushBatch(pusher.deps)(delivery);
    phone.removeFaults({ id: fault });
    pusher.said.isDirectoryAway = true;
    let claims = 0;
    const { chunks } = pusher.deps;
    const claimDue: typeof chunks.claimDue = async (...lease) => {
      const row = await chunks.claimDue(...lease);
      if (row?._id.startsWith(plain.batch.batchId)) claims += 1;
      return row;
    };
    const duePushes = startDuePushes({ ...pusher.deps, chunks: { ...chunks, claimDue }, leaseMs: 300 }, 50);
    await eventually(() => plain.received(), [[NOTIFICATION.text]], { deadlineMs: 20_000 });
    expect(claims, "put off with the others, it would be claimed again and again").to.equal(1);
    const wordsOf = () => personal.map(({ received }) => received()[0]);
    expect(wordsOf()).to.deep.equal(personal.map(() => []));
    pusher.said.isDirectoryAway = false;
    await eventually(
      wordsOf,
      personal.map(() => ["Hello Ann"]),
      { deadlineMs: 20_000 },
    );
    await duePushes.close();
  }).timeout(50_000);

  it("fails a push that a name makes too large, with the reason, and wipes no token for it", async () => {
    const { app, users, batch, delivery, received } = await anAnnouncement([
      { firstName: "x".repeat(5_000) },
      { firstName: "Bob" },
    ]);
    await pushBatch(pusher.deps)(delivery);
    expect(received()).to.deep.equal([[], ["Hello Bob"]]);
    const failed = (await outcomesOf(batch.batchId)).find(({ outcome }) => outcome === "failed");
    expect(failed).to.include({ user: users[0] });
    expect(failed?.reason).to.match(/^payload_too_large: \d+ bytes, 4096 allowed$/);
    expect(await pusher.deps.devices.ofUser(app, users[0] ?? "")).to.have.lengthOf(1);
  });

  it("renders overrides like what they override", async () => {
    const { users, batch, delivery, received } = await anAnnouncement([{ firstName: "Ann" }, { firstName: "Bob" }], {
      isPersonal: true,
    });
    const text = "for all";
    const recipients = { [users[0] ?? ""]: { text: "Dear {{ first_name | default: 'you' }}" } };
    pusher.said.notifications.set(batch.announcementId, { text, recipients });
    await pushBatch(pusher.deps)(delivery);
    expect(received()).to.deep.equal([["Dear Ann"], ["for all"]]);
  });

  it("follows a correction with each one's own words", async () => {
    const { app, batch, delivery, received } = await anAnnouncement([{ firstName: "Ann" }, { locale: "de" }]);
    await pushBatch(pusher.deps)(delivery);
    pusher.said.notifications.set(batch.announcementId, { text: "Sorry, {{ first_name }}" });
    const { announcementId } = batch;
    const correction = { announcementId, version: 2, at: Date.now() - 60_000, revision: 2, hasNotification: true };
    await followCorrection(pusher.deps)(aDelivery(correction, { app }));
    expect(received()).to.deep.equal([
      ["Hello Ann", "Sorry, Ann"],
      ["Hallo there", "Hallo there"],
    ]);
  });
});
