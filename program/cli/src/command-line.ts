/** Commands, their flags and their help, over node:util's parser. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { cliError } from './errors.ts';

export interface Flag {
  readonly type: 'string' | 'boolean';
  /** One letter that stands for the flag: `c` for -c. */
  readonly short?: string;
  /** Shown in the help: what it does, with the default. */
  readonly meaning: string;
  /** The placeholder of a string's value. */
  readonly value?: string;
  /** Whether it may stand several times. */
  readonly isRepeatable?: boolean;
}

/** What the overview knows of a command. */
export interface CommandEntry {
  readonly name: string;
  /**
   * What stands after the name: `<hash>`, or `[file]` where it may be left out; the last one may end
   * in `...` and stand several times.
   */
  readonly positionals: readonly string[];
  readonly summary: string;
  load(): Promise<Command>;
}

export interface Command {
  readonly flags: Readonly<Record<string, Flag>>;
  run(given: Given): Promise<void>;
}

export interface Given {
  readonly positionals: readonly string[];
  text(flag: string): string | undefined;
  isSet(flag: string): boolean;
  /** Every value of the flags named, in the order in which they stood. */
  inOrder(flags: readonly string[]): readonly { readonly flag: string; readonly text: string }[];
}

/** Finds and runs the command that the arguments name. @throws WrongUsage */
export async function runCommand(
  commands: readonly CommandEntry[],
  argv: readonly string[],
  print: (text: string) => void,
): Promise<void> {
  const entry = commands
    .filter(({ name }) => name.split(' ').every((word, at) => argv[at] === word))
    .sort((left, right) => right.name.length - left.name.length)[0];
  const wantsHelp = argv.includes('--help') || argv.includes('-h') || argv[0] === 'help';
  if (!entry) {
    if (wantsHelp || argv.length === 0) return print(overview(commands));
    throw cliError('WrongUsage', `There is no command "${argv[0]}"; see "coco --help".`);
  }
  const command = await entry.load();
  if (wantsHelp) return print(help(entry, command));
  await command.run(parseCommand(entry, command, argv.slice(entry.name.split(' ').length)));
}

/** What a command is given by the words behind its name. @throws WrongUsage */
export function parseCommand(
  entry: CommandEntry,
  { flags }: Command,
  argv: readonly string[],
): Given {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [name, { type, short, isRepeatable = false }] of Object.entries(flags)) {
    options[name] = { type, ...(short !== undefined && { short }), multiple: isRepeatable };
  }
  const see = `see "coco ${entry.name} --help"`;
  let parsed: ReturnType<typeof parseTokens>;
  try {
    parsed = parseTokens(argv, options);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split(/\.\s/)[0] : '';
    throw cliError('WrongUsage', `${reason}; ${see}.`, {}, cause);
  }
  const needed = entry.positionals.filter((name) => !name.startsWith('[')).length;
  const count = parsed.positionals.length;
  const most = entry.positionals.at(-1)?.endsWith('...') ? count : entry.positionals.length;
  if (count < needed || count > most) {
    const wanted = entry.positionals.join(' ') || 'nothing';
    throw cliError('WrongUsage', `After "coco ${entry.name}" comes ${wanted}; ${see}.`);
  }
  return {
    positionals: parsed.positionals,
    text: (flag) => {
      const value = parsed.values[flag];
      return typeof value === 'string' ? value : undefined;
    },
    isSet: (flag) => parsed.values[flag] === true,
    inOrder: (flags) =>
      parsed.tokens.flatMap((token) => {
        const isWanted = token.kind === 'option' && flags.includes(token.name);
        return isWanted && token.value !== undefined
          ? [{ flag: token.name, text: token.value }]
          : [];
      }),
  };
}

function parseTokens(argv: readonly string[], options: NonNullable<ParseArgsConfig['options']>) {
  return parseArgs({ args: [...argv], options, allowPositionals: true, tokens: true });
}

function overview(commands: readonly CommandEntry[]): string {
  const width = Math.max(...commands.map((command) => usage(command).length));
  const rows = commands.map((command) => `  ${usage(command).padEnd(width)}  ${command.summary}`);
  return [
    'usage: coco <command> [flags]',
    '',
    ...rows,
    '',
    'coco <command> --help tells more.',
  ].join('\n');
}

function usage(command: CommandEntry): string {
  return [command.name, ...command.positionals].join(' ');
}

function help(entry: CommandEntry, { flags }: Command): string {
  const rows = Object.entries(flags).map(([name, flag]) => ({
    left: flagUsage(name, flag),
    right: flag.meaning,
  }));
  const width = Math.max(0, ...rows.map((row) => row.left.length));
  return [
    `usage: coco ${usage(entry)} [flags]`,
    '',
    entry.summary,
    ...(rows.length > 0 ? [''] : []),
    ...rows.map((row) => `  ${row.left.padEnd(width)}  ${row.right}`),
  ].join('\n');
}

function flagUsage(name: string, { type, short, value = 'VALUE' }: Flag): string {
  const names = short === undefined ? `--${name}` : `-${short}, --${name}`;
  return type === 'string' ? `${names} ${value}` : names;
}

const timeUnitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/** Parses a duration such as 500ms, 5s or 1min; a bare number counts seconds. @throws WrongUsage */
export function parseDurationMs(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const [, count, unit = 's'] = /^(\d{1,6})(ms|s|min|h)?$/.exec(text) ?? [];
  const unitMs = timeUnitsMs[unit];
  if (count === undefined || unitMs === undefined) {
    throw cliError('WrongUsage', `"${text}" is not a time: write 500ms, 5s or 1min.`);
  }
  return Number(count) * unitMs;
}

/** Parses a port flag. @throws WrongUsage */
export function parsePort(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw cliError('WrongUsage', `"${text}" is not a port: give a number of 0 to 65535.`);
  }
  return port;
}
