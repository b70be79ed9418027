import { z } from "zod";
import { examples } from "./examples.ts";

const Url = z.string().nullable();

const content = {
  id: z.string().meta({ example: "layer:///content/7a0aefb8-3c97-11e4-baad-164230d1df67" }),
  size: z.int(),
  download_url: Url.meta({ description: "Needs no token, and works until `expiration`" }),
  refresh_url: Url.meta({ description: "Answers the same with a fresh `download_url`" }),
  expiration: z.iso.datetime().nullable(),
};

export const ContentView = z.strictObject(content).meta({ id: "Content", example: examples.content });

export const AnnouncedContentView = z
  .strictObject({
    ...content,
    upload_url: z.string().meta({ description: "Where the bytes go: PUT, without a token" }),
  })
  .meta({ id: "AnnouncedContent", example: examples.announcedContent });

export const UploadHeaders = z.object({
  "Upload-Content-Type": z.string().min(1).max(255).meta({ description: "The MIME type", example: "image/png" }),
  "Upload-Content-Length": z.int().min(0).meta({ description: "The number of bytes", example: 20_480 }),
  "Upload-Origin": z
    .string()
    .optional()
    .meta({ description: "The web origin whose pages may upload the bytes", example: "https://app.example.com" }),
});

export const ContentLocation = z.object({ Location: z.string().meta({ description: "Path of what was announced" }) });
