export interface AskOptions {
  /** The provider looks at it and delivers nothing, where it has such a thing. */
  readonly isDryRun: boolean;
}

/** What a provider said to one push. */
export type ProviderAnswer =
  | {
      readonly kind: "answered";
      readonly status: number;
      /** The provider's own word; null when it took the push. */
      readonly reason: string | null;
      readonly providerId: string | null;
    }
  /**
   * There is no answer to this push. `refused`: the credential got none, being refused before or no good by itself;
   * `unanswered`: nobody answered in time; `unsendable`: no provider would take such a push, and none was asked.
   */
  | { readonly kind: "refused" | "unanswered" | "unsendable"; readonly reason: string };

export const unasked = (kind: "refused" | "unanswered" | "unsendable", reason: string): ProviderAnswer => ({
  kind,
  reason,
});
