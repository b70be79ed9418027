// A marketplace. Buyer and seller have one thread, into which the backend puts a card whenever the order moves on; customer
// support joins when somebody asks for it.
import { apiOf, type App, identity, type Say, signUp, tell, uuidOf } from "./api.ts";

interface Named {
  readonly id: string;
}
interface Thread extends Named {
  readonly unread_message_count: number;
}
interface Card extends Named {
  readonly recipient_status: Readonly<Record<string, "sent" | "delivered" | "read">>;
}

const ORDER_CARD = "application/vnd.acme.order+json";
const ORDER = { order: "4711", items: [{ name: "Walking boots", quantity: 1 }] };

export async function marketplace(app: App, say: Say): Promise<void> {
  const api = apiOf(app);
  await signUp(api, { bea: "Bea", sam: "Sam's Shoes", kim: "Kim of Support", shop: "Acme" });

  const thread = uuidOf(
    await api<Named>("POST", "/conversations", {
      participants: [identity("bea"), identity("sam")],
      metadata: { title: "Order 4711", order: "4711" },
    }),
  );
  await say("Bea orders from Sam: they have a thread", thread);

  /** The app draws the card; where it cannot yet, there is the text, which the push has as well. */
  const moveOn = async (state: string, line: string): Promise<string> => {
    const card = await api<Named>("POST", `/conversations/${thread}/messages`, {
      sender_id: identity("shop"),
      parts: [
        { mime_type: ORDER_CARD, body: JSON.stringify({ ...ORDER, state }) },
        { mime_type: "text/plain", body: line },
      ],
      notification: { text: line },
    });
    await say(`A card: ${state}`, uuidOf(card));
    return uuidOf(card);
  };
  await moveOn("placed", "Your order has been placed");
  await moveOn("shipped", "Your order is on its way");
  const delivered = await moveOn("delivered", "Your order has been delivered");

  const { unread_message_count: unread } = await api<Thread>("GET", `/users/bea/conversations/${thread}`);
  await say(`Bea has ${unread} unread cards`, thread);
  // Her app says so when she has seen them.
  await api("POST", `/users/bea/conversations/${thread}/mark_all_read`);
  await say("Bea reads them", thread);
  const question = { parts: [{ mime_type: "text/plain", body: "There is one boot in the box" }] };
  await api("POST", `/users/bea/conversations/${thread}/messages`, question);

  await api("PATCH", `/conversations/${thread}`, [
    { operation: "add", property: "participants", id: identity("kim") },
    { operation: "set", property: "metadata.support", value: "open" },
  ]);
  const history = await api<readonly Named[]>("GET", `/users/kim/conversations/${thread}/messages`);
  await say(`Support joins, and sees ${history.length} messages`, thread);

  const answer = { parts: [{ mime_type: "text/plain", body: "The other one is on its way" }] };
  await api("POST", `/users/kim/conversations/${thread}/messages`, answer);
  await say("Support answers", thread);
  await api("PATCH", `/conversations/${thread}`, [
    { operation: "remove", property: "participants", id: identity("kim") },
    { operation: "set", property: "metadata.support", value: "done" },
  ]);
  await say("Support leaves", thread);

  const card = await api<Card>("GET", `/conversations/${thread}/messages/${delivered}`);
  const readers = Object.entries(card.recipient_status).filter(([, status]) => status === "read");
  await say(`Read the last card: ${readers.map(([reader]) => reader).join(", ")}`, delivered);
}

if (import.meta.main) await tell(marketplace);
