/** What stays when a user is deleted, and why. A test looks for her id in every collection, and finds it nowhere else. */
export const KEPT_AFTER_DELETION = [
  {
    what: "messages",
    why: "What she said to others is theirs, too. It stays under her id, which has no identity any more; so do files that she sent.",
  },
  {
    what: "conversations",
    why: "That she left is the last change of a conversation until the next one.",
  },
  {
    what: "announcement_recipients",
    why: "Lists of recipients are as they were sent, for as long as their announcement is kept. They hold her id only.",
  },
  {
    what: "announcement_receipts",
    why: "Counts of who received and read an announcement come from them. They hold her id and times.",
  },
  {
    what: "push_outcomes",
    why: "Counts of an announcement come from them; those of messages go after 30 days. They hold her id and ids of her devices; a token only while a push waits.",
  },
  {
    what: "scheduled_messages",
    why: "A message in her name that waits for its time goes when that comes: it is not sent then. An ice-breaker or warning that her backend has arranged in her name is its own.",
  },
  {
    what: "presence",
    why: "Whether she last chose to be seen, and when she was: for a month.",
  },
  {
    what: "activity",
    why: "Who was active on a day, for insights: her id and hours, for two weeks.",
  },
  {
    what: "changes",
    why: "What sockets were told lately, for whoever was away: ids only, for the hours that they may catch up.",
  },
  {
    what: "tombstones",
    why: "Her id and when she was deleted, so that nothing that was under way brings her back.",
  },
  {
    what: "deletions",
    why: "This report, for a year: her id, counts and times.",
  },
] as const;
