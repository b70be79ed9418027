import type { Channel, ConsumeMessage } from "amqplib";
import { deliveryCount } from "./delivery.ts";

/** One delivery in hand, tied to the channel that it came on: on a later channel it cannot be acknowledged. */
export interface InHand {
  readonly message: ConsumeMessage;
  /** How many processes may have died under it: the broker's count, less what this process had in hand and survived. */
  readonly deaths: number;
  isStale(): boolean;
  ack(): void;
}

/** The unsettled deliveries of one channel. */
export interface ChannelHoldings {
  hold(message: ConsumeMessage): InHand;
}

/**
 * Tells a lost connection from a lost process. The broker counts both alike (`x-delivery-count`), but whoever lives to
 * see a delivery again that it had in hand when a channel was lost knows that it did not die of it. It remembers the
 * deliveries of the latest loss only, so its memory is bounded by the prefetch.
 */
export function survivals() {
  let survived: ReadonlyMap<string, number> = new Map();
  const survivedBy = (message: ConsumeMessage): number => survived.get(idOf(message)) ?? 0;
  return {
    attach(channel: Channel): ChannelHoldings {
      const unsettled = new Set<ConsumeMessage>();
      let isOpen = true;
      channel.once("close", () => {
        isOpen = false;
        survived = new Map([...unsettled].map((message) => [idOf(message), survivedBy(message) + 1]));
      });
      return {
        hold(message) {
          unsettled.add(message);
          return {
            message,
            deaths: Math.max(0, deliveryCount(message.properties.headers) - survivedBy(message)),
            isStale: () => !isOpen,
            ack() {
              // A second ack of one delivery would close the channel.
              if (!isOpen || !unsettled.delete(message)) return;
              try {
                channel.ack(message);
              } catch {
                // The channel died a moment ago: the broker delivers it again, and every handler bears that.
              }
            },
          };
        },
      };
    },
  };
}

const idOf = (message: ConsumeMessage): string => String(message.properties.messageId);
