import { expect } from "chai";
import type { SocketLog, UserPage } from "./user-page.ts";

/** A member of what should be an object; undefined where it is none, or has none. */
const member = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined), value);

/** The methods that a page's client has requested over a socket, in order. */
const methodsOf = ({ sent }: SocketLog): readonly unknown[] =>
  sent.filter((packet) => member(packet, "type") === "request").map((packet) => member(packet, "body", "method"));

export const requested = (page: UserPage, method: string): number =>
  page.sockets.flatMap(methodsOf).filter((name) => name === method).length;

/** How many requests of this method were answered with success. */
export const answered = (page: UserPage, method: string): number =>
  page.sockets
    .flatMap(({ received }) => received)
    .filter((packet) => member(packet, "type") === "response" && member(packet, "body", "method") === method)
    .filter((packet) => member(packet, "body", "success") === true).length;

/**
 * Every packet of every connection has the next counter, from 0 on, and the server's time (client reference 6.3). Neither
 * client complains about a wrong one: XDK asks for everything again, WS3 misses what a later reconnection should bring.
 */
export function expectCounted(page: UserPage): void {
  for (const { received } of page.sockets) {
    expect(received.map((packet) => member(packet, "counter"))).to.deep.equal(received.map((_, index) => index));
    for (const packet of received) {
      const timestamp = String(member(packet, "timestamp"));
      expect(Number.isNaN(Date.parse(timestamp)), `timestamp ${timestamp}`).to.equal(false);
    }
  }
}
