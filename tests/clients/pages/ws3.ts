// The page of layer-websdk, which has no user interface: the test drives the client itself.
import layer from "layer-websdk";
import type { ClientKit } from "./layer-client.ts";
import { createWalk } from "./walk.ts";

const kit: ClientKit = {
  open: ({ appId, url, websocketUrl, isTrustedDevice = false }) =>
    new layer.Client({ appId, url, websocketUrl, isTrustedDevice, telemetryEnabled: false }),
  async sendText(conversation, text) {
    const message = conversation.createMessage(text);
    message.send();
    return message;
  },
};

globalThis.walk = createWalk(kit);
