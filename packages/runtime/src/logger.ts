import { createLogger as createWinstonLogger, format, transports } from "winston";
import type { Logger as WinstonLogger } from "winston";
import { fieldsForLog } from "./redaction.ts";

/** What belongs to one log line besides its message. An error goes in as `{ error }` and is written with its causes. */
export type Fields = Readonly<Record<string, unknown>>;

type LogLevel = "error" | "warn" | "info" | "debug";

/** Writes one JSON object per line. Never throws, whatever the fields hold; secrets are removed by their key's name. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger whose every line also carries these fields: how request, trace and app ids get on all lines of a request. */
  child(fields: Fields): Logger;
}

const loggerOn = (winston: WinstonLogger, service: string, inherited: Fields): Logger => {
  const write = (level: LogLevel, message: string, fields: Fields = {}): void => {
    if (!winston.isLevelEnabled(level)) return;
    const entry: Record<string, unknown> & { level: string; message: string } = {
      timestamp: new Date().toISOString(),
      level,
      service,
      message,
    };
    for (const [key, value] of Object.entries({ ...inherited, ...fieldsForLog(fields) })) {
      // A field called like one of ours must not overwrite it, and must not vanish either.
      entry[key in entry ? `field_${key}` : key] = value;
    }
    winston.log(entry);
  };
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
    child: (fields) => loggerOn(winston, service, { ...inherited, ...fieldsForLog(fields) }),
  };
};

/** A logger to standard output (or to `stream`). Lines below `level` cost nothing: their fields are not even copied. */
export const createLogger = (options: {
  readonly service: string;
  readonly level: string;
  readonly stream?: NodeJS.WritableStream;
}): Logger =>
  loggerOn(
    createWinstonLogger({
      level: options.level,
      levels: { error: 0, warn: 1, info: 2, debug: 3 },
      format: format.json({ deterministic: false }),
      transports: [new transports.Stream({ stream: options.stream ?? process.stdout })],
    }),
    options.service,
    {},
  );

/** A logger that writes nothing: for tests and tools that have nobody to tell. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
