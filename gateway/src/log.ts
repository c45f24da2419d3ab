/** The log: the consumer's members (`timestamp`, `level`, `event`, `exception`) and its formats. */

import { pino, type Logger } from "pino";
import { ENVIRONMENT as SHARED } from "./environment.ts";

export type Level = (typeof SHARED.LOG_LEVEL.choices)[number];
export type Form = (typeof SHARED.LOG_FORMAT.choices)[number];

interface Stream {
  write(text: string): unknown;
}
type Members = Record<string, unknown>;

const OURS: Readonly<Record<string, Level>> = { warn: "warning", fatal: "critical" };
const PINOS: Readonly<Record<string, string>> = { warning: "warn", critical: "fatal" };

/** A logger that writes a line for each record; `level` is the least that is written. */
export function createLog(level: Level, form: Form, stream: Stream): Logger {
  const options = {
    base: null,
    level: PINOS[level] ?? level,
    messageKey: "event",
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: OURS[label] ?? label }) },
  };
  return pino(options, { write: (line: string) => stream.write(`${written(form, line)}\n`) });
}

/** What an error says for the member `exception`. */
export function traceback(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function written(form: Form, line: string): string {
  const record = JSON.parse(line) as Members;
  const { timestamp, level, event, ...rest } = record;
  const ordered: Members = { timestamp, level, event, ...rest };
  switch (form) {
    case "json":
      return JSON.stringify(ordered);
    case "logfmt":
      return logfmt(ordered);
    case "console": {
      const { exception, ...others } = rest;
      const head = `${String(timestamp)} [${String(level).padEnd(8)}] ${String(event)}`;
      const told = Object.keys(others).length > 0 ? ` ${logfmt(others)}` : "";
      return head + told + (typeof exception === "string" ? `\n${exception}` : "");
    }
  }
}

/** As the consumer's: a value with a space, `=` or `"` is in quotes; a line break is `\n`. */
function logfmt(members: Members): string {
  return Object.entries(members)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${quoted(value)}`)
    .join(" ");
}

function quoted(value: unknown): string {
  if (value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (!/[ ="]/.test(text)) return text.replaceAll("\n", "\\n");
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
