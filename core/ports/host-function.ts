/**
 * One family of functions that the host offers to actors ('nn', 'image'): the same facade natively and from inside Wasm.
 * Calls exchange values that the codec carries, never handles.
 */
export interface HostFunction {
  readonly name: string;
  /**
   * Carries out one call.
   * @throws {GodwitError} NOT_FOUND unknown method · INVALID_ARGUMENT bad arguments · UNAVAILABLE nothing here can do it
   */
  call(method: string, args: readonly unknown[]): Promise<unknown>;
}

/** The host functions of a node, by name. */
export type HostFunctions = ReadonlyMap<string, HostFunction>;
