import type { Fields, Logger } from "@strata/runtime";

/** A logger that keeps its lines as they come, whole: what would be redacted on the way out is seen here. */
export function recordingLogger(): { readonly log: Logger; lines(this: void): readonly string[] } {
  const lines: string[] = [];
  const loggerWith = (inherited: Fields): Logger => {
    const keep = (message: string, fields: Fields = {}): void => {
      lines.push(JSON.stringify({ message, ...inherited, ...fields }));
    };
    return {
      debug: keep,
      info: keep,
      warn: keep,
      error: keep,
      child: (fields) => loggerWith({ ...inherited, ...fields }),
    };
  };
  return { log: loggerWith({}), lines: () => lines };
}
