// The parts of the two published clients that the pages call by name; neither package brings types.

declare module "layer-websdk" {
  import type { LayerClient } from "#layer-client";

  const layer: { readonly Client: new (options: Readonly<Record<string, unknown>>) => LayerClient };
  export default layer;
}

declare module "@layerhq/web-xdk" {
  import type { LayerClient, LayerConversation, LayerMessage } from "#layer-client";

  interface TextModel {
    send(options: {
      readonly conversation: LayerConversation;
      readonly callback: (message: LayerMessage) => void;
    }): void;
  }
  const Layer: {
    init(options: Readonly<Record<string, unknown>>): LayerClient;
    readonly Core: {
      readonly Client: {
        getMessageTypeModelClass(name: "TextModel"): new (values: { readonly text: string }) => TextModel;
      };
    };
  };
  export default Layer;
}

declare module "@layerhq/web-xdk/ui/components/layer-conversation-list";
