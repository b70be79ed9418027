// The page of @layerhq/web-xdk: the client and its user interface.
import Layer from "@layerhq/web-xdk";
import "@layerhq/web-xdk/ui/components/layer-conversation-list";
import type { ClientKit } from "./layer-client.ts";
import { createWalk } from "./walk.ts";

const kit: ClientKit = {
  open: ({ appId, url, websocketUrl, isTrustedDevice = false }) =>
    // Emoji would be pictures from somebody else's server.
    Layer.init({ appId, url, websocketUrl, isTrustedDevice, useEmojiImages: false }),
  sendText(conversation, text) {
    const TextModel = Layer.Core.Client.getMessageTypeModelClass("TextModel");
    return new Promise((resolve) => {
      new TextModel({ text }).send({ conversation, callback: resolve });
    });
  },
};

globalThis.walk = createWalk(kit);
