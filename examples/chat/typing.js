/** It is repeated while somebody types; whoever hears nothing more forgets it. */
const REPEATED_MS = 2_500;
const FORGOTTEN_MS = 6_000;
const PAUSE_MS = 4_000;

/** Who types in which conversation, as far as others say so. */
export class TypingOthers {
  #typing = new Map();
  #onChange;

  constructor(onChange) {
    this.#onChange = onChange;
  }

  namesIn(conversationId) {
    return [...this.#typing.values()].filter((one) => one.conversationId === conversationId).map(({ name }) => name);
  }

  hear({ object, data: { action, sender } }) {
    this.forget(sender.id);
    if (action === "started") {
      const timer = setTimeout(() => this.forget(sender.id), FORGOTTEN_MS);
      const name = sender.display_name ?? sender.user_id;
      this.#typing.set(sender.id, { conversationId: object.id, name, timer });
    }
    this.#onChange();
  }

  forget(id) {
    clearTimeout(this.#typing.get(id)?.timer);
    if (this.#typing.delete(id)) this.#onChange();
  }
}

/** Says what its own user does, no more often than others need to hear it. */
export class OwnTyping {
  #say;
  #saidAt = 0;
  #pause;

  constructor(say) {
    this.#say = say;
  }

  changed(text) {
    if (text === "") return this.finished();
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.finished(), PAUSE_MS);
    if (Date.now() - this.#saidAt < REPEATED_MS) return undefined;
    this.#saidAt = Date.now();
    return this.#say("started");
  }

  finished() {
    clearTimeout(this.#pause);
    this.#saidAt = 0;
    return this.#say("finished");
  }
}
