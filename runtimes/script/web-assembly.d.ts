// The part of the WebAssembly JavaScript interface that the script runtime uses: @types/node does not declare it, and the DOM library stays out.
// https://webassembly.github.io/spec/js-api/
declare global {
  namespace WebAssembly {
    class Module {
      private readonly compiled;
    }
    class Memory {
      readonly buffer: ArrayBuffer;
      grow(pages: number): number;
    }
    class Global {
      value: unknown;
    }
    class RuntimeError extends Error {}
    type Imports = Record<string, Record<string, unknown>>;
    class Instance {
      constructor(module: Module, imports: Imports);
      readonly exports: Record<string, unknown>;
    }
    function compile(bytes: Uint8Array): Promise<Module>;
  }
}

export {};
