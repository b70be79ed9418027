import { createHash } from "node:crypto";
import type { RequestHandler } from "express";
import helmet from "helmet";
import { STYLE } from "../docs/page.ts";

/** The pages have one style sheet, inline, and no script: nothing else may run or load in their name. */
export const securityHeaders = (): RequestHandler =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: [`'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
  });
