import { LayerError } from "../src/index.ts";

/** The error of the contract that `act` is refused with; anything else fails the test. */
export function refusalOf(act: () => unknown): LayerError {
  try {
    act();
  } catch (error) {
    if (error instanceof LayerError) return error;
    throw error;
  }
  throw new Error("expected a refusal, and there was none");
}

/** `<id> <what data names>`, the two facts clients branch on. */
export function refusal(act: () => unknown): string {
  const { id, data } = refusalOf(act);
  const named = typeof data === "object" && data !== null ? Object.values(data) : [];
  return [id, ...named].join(" ");
}
