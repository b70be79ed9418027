import { ContentUploaded } from "@strata/contracts";
import type { Publisher } from "@strata/messaging";
import { DomainError } from "@strata/runtime";
import { type ByteRange, misfit, type UploadStep, uploadStepOf } from "../domain/byte-ranges.ts";
import type { ContentRow } from "../domain/content.ts";
import type { ContentStore } from "../store/content-store.ts";
import type { ContentStorage, StorableContent } from "./content-storage.ts";

interface Deps {
  readonly contents: ContentStore;
  readonly storage: ContentStorage;
  readonly publisher: Publisher;
}

/** One request of an upload. */
export interface UploadRequest {
  readonly contentRange: string | undefined;
  readonly contentLength: number | undefined;
  readonly body: AsyncIterable<Buffer>;
}

export type UploadState = { readonly kind: "complete" } | { readonly kind: "incomplete"; readonly stored: number };

/** How bytes come in, and what follows once they have. */
export interface Uploads {
  /**
   * Takes what a request brings. `complete` is said only once the bytes are stored and the others have been told, and
   * again to whoever asks later. Bytes that are there already are passed over; bytes behind a gap are not taken.
   * @throws DomainError `not_found`, `invalid_request`, `invalid_property`
   */
  take(app: string, contentId: string, request: UploadRequest): Promise<UploadState>;
  /** Does again what follows an upload. */
  tell(row: ContentRow): Promise<void>;
  /** Removes the bytes, and only then forgets them. */
  remove(row: ContentRow): Promise<void>;
}

/** How often an upload that goes on says so: far below what an abandoned one is given. */
const TOUCH_EVERY_MS = 60_000;

export const storableOf = ({ _id, size, mimeType }: ContentRow): StorableContent => ({ key: _id, size, mimeType });

export function uploadsInto({ contents, storage, publisher }: Deps): Uploads {
  const begin = async (row: ContentRow): Promise<string> => {
    const session = await storage.begin(storableOf(row));
    const kept = await contents.keepSession(row, session, row.session);
    if (kept === null) throw new DomainError("not_found");
    // Another request began one at the same time, and that one counts.
    return kept;
  };

  /** The session to write into, and how many bytes it has. */
  const resume = async (row: ContentRow): Promise<{ readonly session: string; readonly stored: number }> => {
    const stored = row.session === null ? null : await storage.stored(storableOf(row), row.session);
    if (row.session !== null && stored !== null) return { session: row.session, stored };
    const session = await begin(row);
    return { session, stored: (await storage.stored(storableOf(row), session)) ?? 0 };
  };

  const tell = async (row: ContentRow): Promise<void> => {
    if (row.uploadedAt === null) throw new Error("unreachable: only uploaded content is told about");
    const { app, contentId, size } = row;
    const id = `${app}.${contentId}.content-uploaded`;
    await publisher.emit(ContentUploaded, app, { contentId, size, at: row.uploadedAt }, { id, subjectVersion: 1 });
    await contents.markTold(row);
  };

  const complete = async (row: ContentRow, session: string): Promise<UploadState> => {
    await storage.finish(storableOf(row), session);
    const uploadedAt = await contents.markUploaded(row, Date.now());
    if (uploadedAt === null) throw new DomainError("not_found");
    await tell({ ...row, isUploaded: true, uploadedAt });
    return { kind: "complete" };
  };

  /** Also what a killed process left undone after the last byte is done by whoever asks next. */
  const takeInto = async (row: ContentRow, step: UploadStep, body: AsyncIterable<Buffer>): Promise<UploadState> => {
    const { session, stored } = await resume(row);
    if (stored === row.size) return complete(row, session);
    if (step.kind === "status" || step.range.first > stored) return { kind: "incomplete", stored };
    await contents.touch(row, Date.now());
    const source = withTouches(behind(body, step.range, stored), () => contents.touch(row, Date.now()));
    const now = await storage.append(storableOf(row), session, stored, source);
    return now === row.size ? complete(row, session) : { kind: "incomplete", stored: now };
  };

  return {
    async take(app, contentId, { contentRange, contentLength, body }) {
      const row = await contents.find(app, contentId);
      if (!row) throw new DomainError("not_found");
      const step = uploadStepOf({ contentRange, contentLength }, row.size);
      if (row.isUploaded) {
        await tell(row);
        return { kind: "complete" };
      }
      const state = await takeInto(row, step, body);
      // Without a range the request was to bring everything.
      if (state.kind === "incomplete" && contentRange === undefined) {
        throw misfit("Content-Length", `was not given, and the body ended before ${row.size} bytes`);
      }
      return state;
    },
    tell,
    async remove(row) {
      await storage.remove(storableOf(row), row.session);
      await contents.remove(row);
    },
  };
}

/** Of the bytes of a range, those behind `stored`; more than the range has is an error, and none of it is given on. */
async function* behind(body: AsyncIterable<Buffer>, range: ByteRange, stored: number): AsyncGenerator<Buffer> {
  let position = range.first;
  for await (const piece of body) {
    const end = position + piece.length;
    const wanted = piece.subarray(Math.max(0, stored - position), Math.max(0, range.last + 1 - position));
    if (wanted.length > 0) yield wanted;
    if (end > range.last + 1) throw misfit("Content-Length", "was not given, and the body is longer than announced");
    position = end;
  }
}

async function* withTouches(source: AsyncIterable<Buffer>, touch: () => Promise<void>): AsyncGenerator<Buffer> {
  let touchedAt = Date.now();
  for await (const piece of source) {
    yield piece;
    if (Date.now() - touchedAt < TOUCH_EVERY_MS) continue;
    touchedAt = Date.now();
    await touch();
  }
}
