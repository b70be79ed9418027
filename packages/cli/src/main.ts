#!/usr/bin/env node
import { parseArgs } from "node:util";
import { commands, optionTypes, UsageError } from "./commands.ts";
import { loadSettings } from "./settings.ts";
import { StrataError } from "./strata-client.ts";

/** Exit codes: 0 done, 1 refused or unreachable, 2 wrong use. Answers are JSON on standard output. */
async function main(): Promise<number> {
  try {
    const args = parseArgs({ args: process.argv.slice(2), options: optionTypes, allowPositionals: true });
    const [first = "", second = ""] = args.positionals;
    const command = commands[`${first} ${second}`] ?? commands[first];
    if (!command || args.values.help) {
      print(usage());
      return command ? 0 : 2;
    }
    print(JSON.stringify(await command.run(args, loadSettings(process.env)), null, 2));
    return 0;
  } catch (error) {
    if (error instanceof StrataError) complain(`${error.status} ${error.id}: ${error.message}`);
    else complain(error instanceof Error ? error.message : String(error));
    return error instanceof UsageError || isParseError(error) ? 2 : 1;
  }
}

/** `parseArgs` names an unknown or incomplete option itself. */
const isParseError = (error: unknown): boolean =>
  error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");

const usage = (): string =>
  [
    "strata <command>",
    "",
    ...Object.values(commands).map(({ usage: line, about }) => `  ${line}\n      ${about}`),
  ].join("\n");

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const complain = (text: string): void => void process.stderr.write(`strata: ${text}\n`);

process.exitCode = await main();
