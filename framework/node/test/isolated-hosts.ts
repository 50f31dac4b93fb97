/**
 * A machine for each node, as far as its network goes: Linux network namespaces joined by a bridge,
 * so that cutting one off really drops its packets. It needs root and `ip`, and touches no network
 * of the machine: what runs in `hub` reaches the hosts and nothing else does.
 */
import { execFileSync } from 'node:child_process';

const addressOf = (host: number | 'hub'): string => `10.77.0.${host === 'hub' ? 254 : host + 1}`;

/** What is missing to make hosts, as a sentence; undefined when nothing is. */
export function hostsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'Network namespaces need root.';
  try {
    ip('netns', 'list');
    const name = `coco-${process.pid}-try`;
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return undefined;
  } catch {
    return 'Network namespaces need the program `ip` (Debian: iproute2) and the right to make them.';
  }
}

export class IsolatedHosts {
  readonly #prefix: string;
  readonly #count: number;

  private constructor(prefix: string, count: number) {
    this.#prefix = prefix;
    this.#count = count;
  }

  static create(count: number): IsolatedHosts {
    const hosts = new IsolatedHosts(`coco-${process.pid}`, count);
    hosts.#build();
    return hosts;
  }

  /** The hosts that another process made. */
  static join(prefix: string, count: number): IsolatedHosts {
    return new IsolatedHosts(prefix, count);
  }

  get prefix(): string {
    return this.#prefix;
  }

  address(host: number): string {
    return addressOf(host);
  }

  /** Program and arguments that run what follows them on the host. */
  on(host: number | 'hub'): readonly [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.#space(host)];
  }

  /** Every packet to and from the host is dropped. */
  cut(host: number): void {
    ip('-n', this.#space('hub'), 'link', 'set', `v${host}`, 'down');
  }

  heal(host: number): void {
    ip('-n', this.#space('hub'), 'link', 'set', `v${host}`, 'up');
  }

  remove(): void {
    for (let host = 0; host < this.#count; host++) ip('netns', 'del', this.#space(host));
    ip('netns', 'del', this.#space('hub'));
  }

  #build(): void {
    const hub = this.#space('hub');
    ip('netns', 'add', hub);
    ip('-n', hub, 'link', 'set', 'lo', 'up');
    ip('-n', hub, 'link', 'add', 'bridge', 'type', 'bridge');
    ip('-n', hub, 'link', 'set', 'bridge', 'up');
    ip('-n', hub, 'addr', 'add', `${addressOf('hub')}/24`, 'dev', 'bridge');
    for (let host = 0; host < this.#count; host++) {
      const space = this.#space(host);
      ip('netns', 'add', space);
      const end = ['peer', 'name', 'eth0', 'netns', space];
      ip('link', 'add', `v${host}`, 'netns', hub, 'type', 'veth', ...end);
      ip('-n', hub, 'link', 'set', `v${host}`, 'master', 'bridge', 'up');
      ip('-n', space, 'addr', 'add', `${addressOf(host)}/24`, 'dev', 'eth0');
      ip('-n', space, 'link', 'set', 'eth0', 'up');
      ip('-n', space, 'link', 'set', 'lo', 'up');
    }
  }

  #space(host: number | 'hub'): string {
    return `${this.#prefix}-${host}`;
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
