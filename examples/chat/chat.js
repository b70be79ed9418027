// The page: what its user does goes to Strata, what Strata tells is shown.
import { Drafts } from "./drafts.js";
import { ApiError, logIn, pathOf } from "./session.js";
import { Socket } from "./socket.js";
import { announcementsOf, apply, conversationsOf, createState, messagesOf, put } from "./state.js";
import { OwnTyping, TypingOthers } from "./typing.js";
import { byId, showAnnouncements, showConversations, showMessages, showTyping, titleOf } from "./view.js";

const PAGE = 50;
const identityId = (userId) => `layer:///identities/${encodeURIComponent(userId)}`;

const on = (id, event, act) =>
  byId(id).addEventListener(event, (happened) => {
    happened.preventDefault();
    void act();
  });

class Chat {
  #me;
  #session;
  #state;
  #socket;
  #openId = null;
  /** Receipts that were sent, or are under way. */
  #reported = new Set();
  #others = new TypingOthers(() => this.#show());
  #typing = new OwnTyping((action) => this.#sayTyping(action));
  #drafts = new Drafts({ send: (draft) => this.#send(draft), onChange: () => this.#show() });

  constructor({ userId, websocketUrl, session }) {
    this.#me = identityId(userId);
    this.#session = session;
    this.#state = createState(this.#me);
    this.#listen();
    this.#socket = new Socket({
      websocketUrl,
      session,
      onPacket: (packet) => this.#hear(packet),
      onReload: () => this.#reload(),
      onState: (text) => this.#connection(text),
    });
  }

  #listen() {
    on("compose", "submit", () => this.#write());
    on("begin", "submit", () => this.#begin(byId("other").value));
    on("earlier", "click", () => this.#readEarlier());
    byId("text").addEventListener("input", ({ target }) => this.#typing.changed(target.value));
    document.addEventListener("visibilitychange", () => this.#show());
  }

  #connection(text) {
    byId("state").textContent = text;
    if (text === "live") void this.#drafts.sendAll();
  }

  #show() {
    const [state, openId] = [this.#state, this.#openId];
    const conversation = state.conversations.get(openId);
    const messages = conversation ? messagesOf(state, openId) : [];
    showAnnouncements(announcementsOf(state), (one) => void this.#receipt(one, "read"));
    showConversations(conversationsOf(state), this.#me, openId, (id) => void this.#open(id));
    byId("title").textContent = conversation ? titleOf(conversation, this.#me) : "No conversation is open";
    byId("compose").hidden = !conversation;
    byId("earlier").hidden = !conversation || conversation.total_message_count <= messages.length;
    showMessages(messages, this.#drafts.of(openId), this.#me);
    showTyping(this.#others.namesIn(openId));
    this.#report();
  }

  /** Tells what has come to this device, and what has been seen on it. */
  #report() {
    const isSeen = document.visibilityState === "visible";
    for (const one of [...this.#state.messages.values(), ...this.#state.announcements.values()]) {
      if (one.recipient_status?.[this.#me] === "sent") void this.#receipt(one, "delivery");
      const isOpen = this.#openId !== null && one.conversation?.id === this.#openId;
      if (isSeen && isOpen && one.is_unread) void this.#receipt(one, "read");
    }
  }

  async #receipt({ id }, type) {
    const key = `${type} ${id}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    // One that did not arrive is sent again with whatever is shown next.
    const path = `${pathOf(id)}/receipts`;
    await this.#session.api("POST", path, { type }).catch(() => this.#reported.delete(key));
  }

  /** The socket is open already: what happens meanwhile comes as packets, behind what is read here. */
  async #reload() {
    const [conversations, announcements, messages] = await Promise.all([
      this.#session.api("GET", `/conversations?sort_by=last_message&page_size=${PAGE}`),
      this.#session.api("GET", `/announcements?page_size=${PAGE}`),
      this.#openId === null ? [] : this.#pageOf(this.#openId),
    ]);
    for (const [kind, objects] of Object.entries({ conversations, announcements, messages })) {
      this.#state[kind].clear();
      put(this.#state, kind, objects);
    }
    this.#show();
  }

  #pageOf(conversationId, fromId) {
    const from = fromId ? `&from_id=${encodeURIComponent(fromId)}` : "";
    return this.#session.api("GET", `${pathOf(conversationId)}/messages?page_size=${PAGE}${from}`);
  }

  async #readEarlier() {
    const [oldest] = messagesOf(this.#state, this.#openId);
    await this.#read(() => this.#pageOf(this.#openId, oldest?.id));
  }

  async #read(page) {
    put(this.#state, "messages", await page().catch(() => []));
    this.#show();
  }

  /** Reads again what a packet did not say in full. */
  async #readAgain(id) {
    const [, kind] = pathOf(id).split("/");
    try {
      put(this.#state, kind, [await this.#session.api("GET", pathOf(id))]);
    } catch (error) {
      if (error instanceof ApiError && error.id === "not_found") this.#state[kind].delete(id);
    }
    this.#show();
  }

  #hear(packet) {
    if (packet.type === "signal") return this.#others.hear(packet.body);
    for (const id of apply(this.#state, packet)) void this.#readAgain(id);
    const { operation, object, data } = packet.body;
    if (operation === "create" && object.type === "Message") {
      this.#drafts.confirm(object.id);
      this.#others.forget(data.sender.id);
    }
    return this.#show();
  }

  async #open(id) {
    this.#openId = id;
    this.#show();
    await this.#read(() => this.#pageOf(id));
    byId("title").focus();
  }

  async #begin(userId) {
    const id = `layer:///conversations/${crypto.randomUUID()}`;
    const participants = [this.#me, identityId(userId)];
    try {
      // Distinct: where the two have a conversation already, that is the answer.
      const data = { id, participants, distinct: true, metadata: null };
      const made = await this.#socket.request("Conversation.create", data);
      put(this.#state, "conversations", [made]);
      await this.#open(made.id);
    } catch (error) {
      byId("state").textContent = error.message;
    }
  }

  #write() {
    const { value } = byId("text");
    byId("text").value = "";
    this.#typing.finished();
    this.#drafts.add(this.#openId, { id: this.#me }, value);
  }

  async #send({ id, parts, conversationId }) {
    const notification = { title: "New message", text: parts[0].body };
    const message = await this.#socket.request("Message.create", { id, parts, notification }, conversationId);
    put(this.#state, "messages", [message]);
  }

  #sayTyping(action) {
    if (this.#openId === null) return;
    this.#socket.signal({ type: "typing_indicator", object: { id: this.#openId }, data: { action } });
  }
}

async function start(userId) {
  const { baseUrl, websocketUrl, appId } = await (await fetch("/config")).json();
  /** Our own backend says who she is; Strata takes its word, and nobody else's. */
  const tokenFor = async (nonce) => {
    const body = JSON.stringify({ user_id: userId, nonce });
    const response = await fetch("/token", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer.identity_token;
  };
  const session = await logIn({ baseUrl, appId, tokenFor });
  byId("login").hidden = true;
  byId("me").hidden = false;
  byId("me").textContent = userId;
  byId("app").hidden = false;
  document.title = `${userId}: chat`;
  return new Chat({ userId, websocketUrl, session });
}

async function logInAs(userId) {
  byId("state").textContent = "logging in";
  await start(userId).catch((error) => {
    byId("state").textContent = error.message;
  });
}

on("login", "submit", () => logInAs(byId("user").value));
const named = new URLSearchParams(location.search).get("user");
if (named) void logInAs(named);
