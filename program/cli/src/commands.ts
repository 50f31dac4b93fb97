/**
 * Every command of the program, in the order of the overview. What a command needs is loaded when
 * it is asked for: a command that reads one file starts without a node's code.
 */
import type { CommandEntry } from './command-line.ts';

export const commands: readonly CommandEntry[] = [
  {
    name: 'sandbox',
    positionals: [],
    summary: 'run a network of several nodes on this machine (the same as npm start)',
    load: async () => (await import('./sandbox-command.ts')).sandboxCommand,
  },
  {
    name: 'status',
    positionals: [],
    summary: 'how a network stands: its nodes, who is primary, what is wrong and what to do',
    load: async () => (await import('./status-command.ts')).statusCommand,
  },
  {
    name: 'transfer',
    positionals: [],
    summary: 'send ETH from account 1 to account 2 of the sandbox',
    load: async () => (await import('./transfer-command.ts')).transferCommand,
  },
  {
    name: 'receipt verify',
    positionals: ['<hash or file>'],
    summary: 'prove an Ethereum transaction by its receipt',
    load: async () => (await import('./receipt-command.ts')).receiptVerifyCommand,
  },
  {
    name: 'operator-view',
    positionals: [],
    summary: 'show what the host of the sandbox’s node can see',
    load: async () => (await import('./operator-view-command.ts')).operatorViewCommand,
  },
  {
    name: 'audit',
    positionals: ['<ledger directory>'],
    summary: 'verify a whole ledger offline, and tell the story of its governance',
    load: async () => (await import('./audit-command.ts')).auditCommand,
  },
  {
    name: 'demo',
    positionals: [],
    summary: 'play a trade with real contracts, verify it, and show the operator’s view',
    load: async () => (await import('./demo-command.ts')).demoCommand,
  },
  {
    name: 'member create',
    positionals: [],
    summary: 'make a member’s keys, as files that only their owner reads',
    load: async () => (await import('./member-command.ts')).memberCreateCommand,
  },
  {
    name: 'member show',
    positionals: ['<certificate file>'],
    summary: 'read a member’s certificate: its id, key and dates',
    load: async () => (await import('./member-command.ts')).memberShowCommand,
  },
  {
    name: 'member list',
    positionals: [],
    summary: 'who the members of the network are',
    load: async () => (await import('./member-command.ts')).memberListCommand,
  },
  {
    name: 'member activate',
    positionals: [],
    summary: 'acknowledge the state of the network, by which an accepted member becomes active',
    load: async () => (await import('./member-command.ts')).memberActivateCommand,
  },
  {
    name: 'proposal create',
    positionals: ['[file]'],
    summary: 'propose a change; shows what it would change before anything is signed',
    load: async () => (await import('./proposal-command.ts')).proposalCreateCommand,
  },
  {
    name: 'proposal list',
    positionals: [],
    summary: 'the proposals that the service has: open ones, and the last that was decided',
    load: async () => (await import('./proposal-command.ts')).proposalListCommand,
  },
  {
    name: 'proposal show',
    positionals: ['<id>'],
    summary: 'what a proposal would change, who voted how, and why it is still open',
    load: async () => (await import('./proposal-command.ts')).proposalShowCommand,
  },
  {
    name: 'proposal watch',
    positionals: ['<id>'],
    summary: 'wait until a proposal is decided, and tell of each ballot on the way',
    load: async () => (await import('./proposal-command.ts')).proposalWatchCommand,
  },
  {
    name: 'proposal withdraw',
    positionals: ['<id>'],
    summary: 'take back a proposal of one’s own that is not decided yet',
    load: async () => (await import('./proposal-command.ts')).proposalWithdrawCommand,
  },
  {
    name: 'ballot submit',
    positionals: ['<proposal id>'],
    summary: 'vote on a proposal; shows what it would change before anything is signed',
    load: async () => (await import('./ballot-command.ts')).ballotSubmitCommand,
  },
  {
    name: 'ballot show',
    positionals: ['<proposal id>', '<member id>'],
    summary: 'the ballot of a member, as it was signed',
    load: async () => (await import('./ballot-command.ts')).ballotShowCommand,
  },
  {
    name: 'backup',
    positionals: ['<node directory>', '<target>'],
    summary: 'copy a node’s ledger and snapshots, running or not; what is there already stays',
    load: async () => (await import('./backup-command.ts')).backupCommand,
  },
  {
    name: 'restore',
    positionals: ['<backup>', '<node directory>'],
    summary: 'put a backup’s ledger and snapshots into a new node’s folder, verified',
    load: async () => (await import('./backup-command.ts')).restoreCommand,
  },
  {
    name: 'recovery inspect',
    positionals: ['<ledger directory>...'],
    summary: 'from which of several nodes’ ledgers to recover, and what another one would lose',
    load: async () => (await import('./recovery-inspect-command.ts')).recoveryInspectCommand,
  },
  {
    name: 'recovery status',
    positionals: [],
    summary: 'whether the service recovers, where its ledger ends, and what it waits for',
    load: async () => (await import('./recovery-command.ts')).recoveryStatusCommand,
  },
  {
    name: 'recovery check',
    positionals: [],
    summary: 'whether a recovered ledger has all that one has seen, or holds a receipt of',
    load: async () => (await import('./recovery-command.ts')).recoveryCheckCommand,
  },
  {
    name: 'recovery share',
    positionals: [],
    summary: 'check that one’s key opens one’s recovery share, without showing or sending it',
    load: async () => (await import('./recovery-command.ts')).recoveryShareCommand,
  },
  {
    name: 'recovery submit',
    positionals: [],
    summary: 'open one’s recovery share and hand it to a recovering service',
    load: async () => (await import('./recovery-command.ts')).recoverySubmitCommand,
  },
  {
    name: 'governance show',
    positionals: [],
    summary: 'members, users, nodes, rules in force, what may join',
    load: async () => (await import('./governance-command.ts')).governanceShowCommand,
  },
  {
    name: 'governance history',
    positionals: [],
    summary: 'recent proposals as far as the service has them (the whole story: coco audit)',
    load: async () => (await import('./governance-command.ts')).governanceHistoryCommand,
  },
  {
    name: 'rules check',
    positionals: ['<file>'],
    summary: 'whether a rules document is well-formed and safe: no lock-out, no takeover',
    load: async () => (await import('./rules-command.ts')).rulesCheckCommand,
  },
  {
    name: 'rules explain',
    positionals: ['<file>'],
    summary: 'what each action needs, in plain words',
    load: async () => (await import('./rules-command.ts')).rulesExplainCommand,
  },
  {
    name: 'rules diff',
    positionals: ['<file>', '[other file]'],
    summary: 'what another document would change, action by action',
    load: async () => (await import('./rules-command.ts')).rulesDiffCommand,
  },
  {
    name: 'rules simulate',
    positionals: ['<file>'],
    summary: 'what would become of a vote under these rules',
    load: async () => (await import('./rules-simulate-command.ts')).rulesSimulateCommand,
  },
  {
    name: 'rules compile',
    positionals: ['<file>'],
    summary: 'a constitution that begins with these rules',
    load: async () => (await import('./rules-command.ts')).rulesCompileCommand,
  },
  {
    name: 'node',
    positionals: [],
    summary: 'run one node by its configuration file',
    load: async () => (await import('./node-command.ts')).nodeCommand,
  },
];
