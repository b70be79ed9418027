import {
  type Arguments,
  AssignTag,
  evalQuotedToken,
  Output,
  type PropertyAccessToken,
  type Template,
  type Token,
  TypeGuards,
  Value,
} from "liquidjs";
import { isBlank } from "./variables.ts";

/** One place where a template names a variable. */
export interface VariableUse {
  /** As `first_name` or `metadata.tier`; null for what has no name of its own, as `metadata[first_name]`. */
  readonly name: string | null;
  /** As it is written. */
  readonly text: string;
  /** Line and column, from 1. Counting them takes a walk through the template, and most uses are no fault. */
  readonly place: () => readonly [line: number, column: number];
  /** It comes out as it is, with nothing that stands for it where it is missing. */
  readonly isBare: boolean;
}

/** Every place where templates name a variable that they did not assign before, in their order. */
export function variableUses(templates: readonly Template[], assigned = new Set<string>()): readonly VariableUse[] {
  return templates.flatMap((template) => {
    // A condition is about what may be missing; everything else shows it.
    const isShown = template instanceof Output || template instanceof AssignTag;
    const used = [...(template.arguments?.() ?? [])].flatMap((argument) => usesOf(argument, isShown));
    const global = used.filter(({ root }) => root === null || !assigned.has(root));
    for (const name of template.localScope?.() ?? []) assigned.add(name.content);
    return [...global.map(({ use }) => use), ...variableUses(childrenOf(template), assigned)];
  });
}

/** No tag that is left loads anything, so there is nothing to wait for. */
function childrenOf(template: Template): readonly Template[] {
  const children: unknown = template.children?.(false, true).next().value;
  return Array.isArray(children) ? children.filter(isTemplateNode) : [];
}

const isTemplateNode = (node: unknown): node is Template =>
  typeof node === "object" && node !== null && "render" in node;

interface RootedUse {
  /** The first segment: what could be assigned. */
  readonly root: string | null;
  readonly use: VariableUse;
}

type Argument = Arguments extends Iterable<infer A> ? A : never;

function usesOf(argument: Argument, isShown: boolean): readonly RootedUse[] {
  if (!(argument instanceof Value)) return tokenUses(argument, false);
  const { initial, filters } = argument;
  const hasDefault = initial.postfix.length === 1 && isDefault(filters[0]);
  const shown = initial.postfix.flatMap((token) => tokenUses(token, isShown && !hasDefault));
  const rest = filters.flatMap(({ args }) =>
    args.flatMap((arg) => {
      const token = Array.isArray(arg) ? arg[1] : arg;
      return token === undefined ? [] : tokenUses(token, isShown);
    }),
  );
  return [...shown, ...rest];
}

/** `default` with something to say: a text or a number; of a variable it is asked in its own place. */
function isDefault(filter: Value["filters"][number] | undefined): boolean {
  const [arg] = filter?.args ?? [];
  if (filter?.name !== "default" || arg === undefined || Array.isArray(arg)) return false;
  if (TypeGuards.isQuotedToken(arg)) return !isBlank(evalQuotedToken(arg));
  return TypeGuards.isNumberToken(arg) || TypeGuards.isPropertyAccessToken(arg);
}

function tokenUses(token: Token, isBare: boolean): readonly RootedUse[] {
  if (TypeGuards.isRangeToken(token)) return [...tokenUses(token.lhs, isBare), ...tokenUses(token.rhs, isBare)];
  if (!TypeGuards.isPropertyAccessToken(token)) return [];
  const segments = segmentsOf(token);
  const place = (): readonly [number, number] => {
    const [line = 0, column = 0] = token.getPosition();
    return [line, column];
  };
  return [{ root: segments[0] ?? null, use: { name: nameOf(segments), text: token.getText(), place, isBare } }];
}

function nameOf([root, key, ...deeper]: readonly (string | null)[]): string | null {
  if (root === null || root === undefined || key === null || deeper.length > 0) return null;
  if (key === undefined) return root.includes(".") ? null : root;
  return root === "metadata" ? `metadata.${key}` : null;
}

/** Null stands for a segment that is no fixed text. */
function segmentsOf({ variable, props }: PropertyAccessToken): readonly (string | null)[] {
  if (variable !== undefined) return [null];
  return props.map((prop) => {
    if (TypeGuards.isQuotedToken(prop)) return evalQuotedToken(prop);
    return TypeGuards.isWordToken(prop) ? prop.content : null;
  });
}
