import { ERRORS } from "./error-table.ts";
import type { ErrorId } from "./error-table.ts";

interface LayerErrorOptions {
  /** The `data` member of the body; left out of the body when undefined, sent when null. */
  readonly data?: unknown;
  /** Headers that belong to the answer, such as `Allow` and `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An error of the contract: whoever answers the request turns it into a status, headers and `errorBody`. */
export class LayerError extends Error {
  override readonly name = "LayerError";
  readonly id: ErrorId;
  readonly code: number;
  readonly status: number;
  readonly data: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(id: ErrorId, message: string, { data, headers = {}, cause }: LayerErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.id = id;
    this.code = ERRORS[id].code;
    this.status = ERRORS[id].status;
    this.data = data;
    this.headers = headers;
  }
}

/** An error of the contract with its `data`, where it has any (server API 3.2). */
export const layerError = (id: ErrorId, message: string, data?: unknown): LayerError =>
  new LayerError(id, message, { data });

/** The body of an error on the wire (server API 3.1). `data` is absent where the error has none, as recorded. */
export interface ErrorBody {
  readonly id: ErrorId;
  readonly code: number;
  readonly message: string;
  readonly url: string;
  readonly data?: unknown;
}

/** Shapes the body of an error; `docsUrl` is the page that explains all of them, with one anchor per id. */
export const errorBody = (error: LayerError, docsUrl: string): ErrorBody => ({
  id: error.id,
  code: error.code,
  message: error.message,
  url: `${docsUrl}#${error.id}`,
  ...(error.data === undefined ? {} : { data: error.data }),
});
