import { runService } from "@strata/runtime";
import { loadConfig } from "./config.ts";
import { start } from "./start.ts";

runService({ name: "integration", loadConfig, start });
