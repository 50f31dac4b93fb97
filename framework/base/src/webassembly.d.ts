/**
 * The part of the WebAssembly JavaScript interface that the rooms use. TypeScript declares it only
 * with the DOM, whose many globals do not exist here, and @types/node not at all.
 * Source: W3C WebAssembly JavaScript Interface.
 */
declare namespace WebAssembly {
  type ExportValue = Memory | ((...values: never[]) => unknown) | object;
  type Exports = Readonly<Record<string, ExportValue>>;
  type ModuleImports = Readonly<Record<string, ((...values: never[]) => unknown) | object>>;
  type Imports = Readonly<Record<string, ModuleImports>>;

  /** Compiled code without state: it may be posted to worker threads. */
  class Module {
    constructor(bytes: Uint8Array);
    private readonly brand: 'WebAssembly.Module';
    static imports(module: Module): ModuleImportDescriptor[];
    static exports(module: Module): ModuleExportDescriptor[];
  }

  interface ModuleExportDescriptor {
    readonly name: string;
    readonly kind: 'function' | 'global' | 'memory' | 'table';
  }

  interface ModuleImportDescriptor extends ModuleExportDescriptor {
    readonly module: string;
  }

  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }

  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum?: number });
    /** Detached and replaced when the memory grows. */
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }

  /** A trap. */
  class RuntimeError extends Error {}
  class CompileError extends Error {}
  class LinkError extends Error {}

  function compile(bytes: Uint8Array): Promise<Module>;
  function instantiate(module: Module, imports?: Imports): Promise<Instance>;
  function validate(bytes: Uint8Array): boolean;
}
