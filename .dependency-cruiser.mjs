/**
 * Import boundaries (style rules 4 to 6). The order of rooms comes from scripts/rooms.ts; each
 * rule's comment says what to do. scripts/boundaries.ts runs this and checks that it saw all files.
 */
import { builtinModules } from 'node:module';
import { isCoreRoom, roomOrder } from './scripts/rooms.ts';

const inSource = (room) => `^${room}/src/`;
const anyOf = (rooms) => `^(${rooms.join('|')})/`;

/** Node's modules that reach outside the process, tell the time or make threads. */
const outside = builtinModules
  .map((name) => name.replace(/^node:/, ''))
  .filter(
    (name) => !/^(crypto|buffer|util|assert|events|zlib|url|stream|string_decoder)\b/.test(name),
  )
  .map((name) => name.replaceAll('/', '\\/'))
  .concat(['sqlite', 'test', 'sea', 'wasi']);

const upwardsOnly = roomOrder.slice(0, -1).map((room, place) => ({
  name: `imports-point-up: ${room}`,
  comment: 'A room imports only rooms that stand above it in scripts/rooms.ts.',
  severity: 'error',
  from: { path: inSource(room) },
  to: { path: anyOf(roomOrder.slice(place + 1)) },
}));

const byTheDoor = roomOrder.map((room) => ({
  name: `by-the-door: ${room}`,
  comment:
    'Import another room as @coco/<room>: its src/index.ts is its only door. Tests may use its harnesses.',
  severity: 'error',
  from: { pathNot: `^${room}/` },
  to: {
    path: `^${room}/`,
    pathNot: `^${room}/(src/(index|browser|[a-z-]*worker|main)\\.ts$|test/[a-z-]+-(harness|writer)\\.ts$|package\\.json$)`,
  },
}));

export default {
  forbidden: [
    ...upwardsOnly,
    ...byTheDoor,
    {
      name: 'adapters-are-separate',
      comment: 'An adapter knows no other adapter; only program and simulator put them together.',
      severity: 'error',
      from: { path: '^adapters/([^/]+)/src/' },
      to: { path: '^adapters/', pathNot: '^adapters/$1/' },
    },
    {
      name: 'clients-know-no-server',
      comment: 'A client needs no store, ledger, consensus, node or adapter.',
      severity: 'error',
      from: { path: '^clients/[^/]+/src/' },
      to: {
        path: '^(framework/(kv|ledger|consensus|endpoint|governance|apps|adapter|replication|peers|http|node)|adapters)/',
      },
    },
    {
      name: 'core-does-no-io',
      comment: 'A core room takes the outside world as a port (Clock, Random, Disk, Log).',
      severity: 'error',
      from: { path: roomOrder.filter(isCoreRoom).map(inSource) },
      to: { dependencyTypes: ['core'], path: `^(node:)?(${outside.join('|')})$` },
    },
    {
      name: 'cryptography-in-one-room',
      comment: 'Use @coco/crypto: it is the one face on node:crypto.',
      severity: 'error',
      from: { path: roomOrder.filter(isCoreRoom).map(inSource), pathNot: '^framework/crypto/' },
      to: { path: '^(node:)?crypto$' },
    },
    {
      name: 'runs-in-browsers',
      comment: 'base, receipt and attestation run in browsers too: they use no module of Node.js.',
      severity: 'error',
      from: { path: '^framework/(base|receipt|attestation)/src/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-cycles',
      comment: 'Move what both need into a file of its own.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      comment: 'The import leads nowhere: add the package, or put the path right.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'source-without-tests',
      comment: 'Source imports no test, bench or development package.',
      severity: 'error',
      from: { path: '^([^/]+/[^/]+|simulator)/src/' },
      to: { path: '/(test|bench|interop)/' },
    },
  ],
  options: {
    parser: 'tsc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/(target|vendor)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['node', 'import', 'default', 'types'],
      extensions: ['.ts', '.mts', '.mjs', '.js', '.d.ts', '.json'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
