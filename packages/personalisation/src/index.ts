export { contentFault, type Fault } from "./check.ts";
export {
  canonicalLocale,
  isForEachAnother,
  localised,
  nobodyKnown,
  type Personaliser,
  personaliserFor,
  withoutTemplates,
} from "./personalise.ts";
export type { Said } from "./texts.ts";
