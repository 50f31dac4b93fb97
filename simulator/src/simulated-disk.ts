/**
 * A node's disk: bytes are durable only after a flush, a flush takes time, and a crash loses or
 * tears what was not flushed (MemoryDisk of base). Reads and writes go to the host's cache at once.
 */
import type { Disk, DiskFile, MemoryDisk } from '@coco/base';
import { PatientDisk } from '@coco/ledger';
import type { Agenda } from './agenda.ts';
import type { Chance } from './chance.ts';
import { SimulatedClock } from './simulated-clock.ts';

const flushMs = { low: 0.2, high: 3 };
/** A disk that is in trouble flushes in up to this long. */
const slowFlushMsMax = 900;

export class SimulatedDisk implements Disk {
  readonly memory: MemoryDisk;
  /** This disk as the ledger's files use it. */
  readonly patient: PatientDisk;
  isSlow = false;
  /** Flushes so far. */
  flushCount = 0;
  readonly #agenda: Agenda;
  readonly #chance: Chance;
  readonly #owner: number;

  constructor(
    memory: MemoryDisk,
    ports: { readonly agenda: Agenda; readonly chance: Chance; readonly owner: number },
  ) {
    this.memory = memory;
    this.#agenda = ports.agenda;
    this.#chance = ports.chance;
    this.#owner = ports.owner;
    this.patient = new PatientDisk(this, new SimulatedClock(ports.agenda, ports.owner));
  }

  list(folder: string): Promise<readonly string[]> {
    return this.memory.list(folder);
  }

  makeFolder(folder: string): Promise<void> {
    return this.memory.makeFolder(folder);
  }

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile> {
    const file = await this.memory.open(path, options);
    return {
      size: () => file.size(),
      read: (offset, length) => file.read(offset, length),
      write: (offset, bytes) => file.write(offset, bytes),
      truncate: (size) => file.truncate(size),
      datasync: async () => {
        await this.#flush();
        await file.datasync();
      },
      close: () => file.close(),
    };
  }

  readFile(path: string, sizeMax: number): Promise<Uint8Array> {
    return this.memory.readFile(path, sizeMax);
  }

  rename(from: string, to: string): Promise<void> {
    return this.memory.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return this.memory.remove(path);
  }

  async syncFolder(folder: string): Promise<void> {
    await this.#flush();
    await this.memory.syncFolder(folder);
  }

  freeBytes(folder: string): Promise<number> {
    return this.memory.freeBytes(folder);
  }

  #flush(): Promise<void> {
    this.flushCount++;
    const high = this.isSlow ? slowFlushMsMax : flushMs.high;
    return this.#agenda.pause(this.#chance.between(flushMs.low, high), this.#owner);
  }
}
