import { ApiError } from "./session.js";

/**
 * What its user has written and nobody has confirmed yet. Messages go out one after the other, each under its own id until
 * it is answered: however often one is sent, it is there once.
 */
export class Drafts {
  #drafts = new Map();
  #isSending = false;
  #send;
  #onChange;

  constructor({ send, onChange }) {
    this.#send = send;
    this.#onChange = onChange;
  }

  of(conversationId) {
    return [...this.#drafts.values()].filter((draft) => draft.conversationId === conversationId);
  }

  add(conversationId, sender, text) {
    const id = `layer:///messages/${crypto.randomUUID()}`;
    const parts = [{ mime_type: "text/plain", body: text }];
    this.#drafts.set(id, { id, conversationId, parts, sender });
    void this.sendAll();
  }

  /** It has come back as a message. */
  confirm(id) {
    this.#drafts.delete(id);
  }

  /** To be called with every new connection, too: what was under way when the last one broke is sent again. */
  async sendAll() {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#onChange();
    for (const draft of this.#drafts.values()) {
      if (!draft.problem && !(await this.#sent(draft))) break;
    }
    this.#isSending = false;
    this.#onChange();
  }

  /** False where it is to be tried again later, before all that were written after it. */
  async #sent(draft) {
    try {
      await this.#send(draft);
      this.#drafts.delete(draft.id);
    } catch (error) {
      const reason = error instanceof ApiError ? error.id : "service_unavailable";
      if (reason === "service_unavailable") return false;
      if (reason === "id_in_use") this.#drafts.delete(draft.id);
      else draft.problem = `not sent: ${error.message}`;
    }
    return true;
  }
}
