/** Contents, as far as messages refer to them. */
export interface ReferencedContents {
  /** Which of these (none named twice) a message of the conversation may not refer to: unknown, not uploaded, another's. */
  findMissing(app: string, conversationId: string, contentIds: readonly string[]): Promise<readonly string[]>;
}
