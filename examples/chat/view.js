// Puts what the page knows into the document. Whatever others wrote goes in as text, never as HTML.

/** @returns {HTMLElement} */
export const byId = (id) => document.getElementById(id);

function element(name, text, properties = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return Object.assign(made, properties);
}

/**
 * Makes the children of a list what they should be, and touches only those that differ: the focus stays where it is, and
 * screen readers say only what is new. `shown` says what a child depends on.
 */
function fill(list, items, shown, make) {
  const before = new Map([...list.children].map((child) => [child.dataset.id, child]));
  let next = list.firstElementChild;
  for (const item of items) {
    const key = JSON.stringify(shown(item));
    let child = before.get(item.id);
    before.delete(item.id);
    if (child?.dataset.shown !== key) {
      const made = make(item);
      made.dataset.id = item.id;
      made.dataset.shown = key;
      if (child === next) next = next?.nextElementSibling ?? null;
      child?.remove();
      child = made;
    }
    if (child === next) next = next.nextElementSibling;
    else list.insertBefore(child, next);
  }
  for (const gone of before.values()) gone.remove();
}

function badge(of, count) {
  of.hidden = count === 0;
  of.textContent = `${count} unread`;
  return of;
}

const time = (iso) => element("time", new Date(iso).toLocaleTimeString([], { timeStyle: "short" }), { dateTime: iso });

/** Text as text, our own cards as cards; of the rest, what it is. */
function partsOf({ parts }) {
  const isCard = parts.some(({ mime_type: type }) => type.startsWith("application/vnd.strata.order+json"));
  return parts.flatMap(({ mime_type: type, body }) => {
    if (type.startsWith("application/vnd.strata.order+json")) return [orderCard(body)];
    // Beside a card it is what others see who cannot show one.
    if (type.startsWith("text/plain")) return isCard ? [] : [element("p", body)];
    return [element("p", `[${type}]`)];
  });
}

function orderCard(body) {
  const card = element("div", undefined, { className: "card" });
  try {
    const { order, state, items = [] } = JSON.parse(body);
    card.append(element("strong", `Order ${order}: ${state}`));
    card.append(...items.map(({ name, quantity }) => element("p", `${quantity} × ${name}`)));
  } catch {
    card.textContent = "[an order]";
  }
  return card;
}

export function showAnnouncements(announcements, onRead) {
  badge(byId("inbox-unread"), announcements.filter((one) => one.is_unread).length);
  fill(
    byId("announcements"),
    announcements,
    ({ is_unread: isUnread, parts }) => [isUnread, parts],
    (one) => {
      const item = element("li", undefined, { className: one.is_unread ? "unread" : "" });
      const from = element("small", `${one.sender.display_name ?? one.sender.user_id} `);
      from.append(time(one.sent_at));
      item.append(from, ...partsOf(one));
      if (one.is_unread) item.append(element("button", "Mark as read", { onclick: () => onRead(one) }));
      return item;
    },
  );
}

export const titleOf = ({ metadata, participants }, me) =>
  metadata?.title ??
  (participants
    .filter(({ id }) => id !== me)
    .map((one) => one.display_name ?? one.user_id)
    .join(", ") ||
    "Only you");

export function showConversations(conversations, me, openId, onOpen) {
  fill(
    byId("conversations"),
    conversations,
    (one) => [titleOf(one, me), one.unread_message_count, one.last_message?.parts, one.id === openId],
    (one) => {
      const button = element("button", `${titleOf(one, me)} `, { onclick: () => onOpen(one.id) });
      button.setAttribute("aria-current", String(one.id === openId));
      button.append(badge(element("span", "", { className: "badge" }), one.unread_message_count));
      const text = one.last_message?.parts.find(({ mime_type: type }) => type.startsWith("text/plain"))?.body;
      if (text) button.append(element("br"), element("small", text.slice(0, 80)));
      const item = element("li");
      item.append(button);
      return item;
    },
  );
}

export function showMessages(messages, drafts, me) {
  const list = byId("messages");
  const wasAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  fill(
    list,
    [...messages, ...drafts],
    (one) => [one.parts, one.problem ?? statusOf(one, me)],
    (one) => {
      const isOwn = one.sender.id === me;
      const item = element("li", undefined, { className: isOwn ? "own" : "" });
      const head = element("small", isOwn ? "" : `${one.sender.display_name ?? one.sender.user_id} `);
      if (one.sent_at) head.append(time(one.sent_at));
      item.append(head, ...partsOf(one));
      if (isOwn) item.append(element("small", one.problem ?? statusOf(one, me)));
      return item;
    },
  );
  if (wasAtEnd) list.scrollTop = list.scrollHeight;
}

function statusOf({ recipient_status: status }, me) {
  if (!status) return "sending…";
  const others = Object.entries(status).filter(([id]) => id !== me);
  const isAll = (...wanted) => others.length > 0 && others.every(([, one]) => wanted.includes(one));
  if (isAll("read")) return "read";
  return isAll("read", "delivered") ? "delivered" : "sent";
}

export function showTyping(names) {
  byId("typing").textContent =
    names.length === 0 ? "" : `${names.join(", ")} ${names.length > 1 ? "are" : "is"} typing…`;
}
