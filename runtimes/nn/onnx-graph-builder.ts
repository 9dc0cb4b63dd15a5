import { GodwitError } from '#core';
import { type GraphNode, plainName } from './model.js';
import { elementType, type OnnxAttribute, type OnnxNode, type OnnxTensor } from './onnx-model.js';
import type { Weight } from './tfjs-weights.js';

/** An ONNX graph while it is made: what operations append to. */
export class OnnxGraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, OnnxTensor>();
  readonly #weights: ReadonlyMap<string, Weight>;
  #names = 0;

  constructor(weights: ReadonlyMap<string, Weight>) {
    this.#weights = weights;
  }

  /** Appends an operation and returns the name of its (first) output, a fresh one unless given. */
  add(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute['value']>> = {},
    output: string | readonly string[] = this.fresh(op),
  ): string {
    const outputs = typeof output === 'string' ? [output] : output;
    this.nodes.push({ op, name: this.fresh('node'), inputs, outputs, attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })) });
    return outputs[0];
  }

  /** The tensor a node reads at `index`; a weight becomes a constant of the graph. */
  input(node: GraphNode, index: number): string {
    const name = plainName(this.#inputName(node, index));
    const weight = this.#weights.get(name);
    if (weight !== undefined && !this.constants.has(name)) this.#addConstant(name, weight.values, weight.shape);
    return name;
  }

  inputs(node: GraphNode): string[] {
    return (node.input ?? []).map((_, index) => this.input(node, index));
  }

  /** The weight a node reads at `index`. @throws {GodwitError} UNIMPLEMENTED it is computed, not a weight */
  weight(node: GraphNode, index: number): Weight {
    const name = plainName(this.#inputName(node, index));
    const weight = this.#weights.get(name);
    if (weight === undefined) throw new GodwitError('UNIMPLEMENTED', `input ${index} (${name}) must be a constant`);
    return weight;
  }

  /** Integers of the weight a node reads at `index`: axes, shapes, sizes. */
  integers(node: GraphNode, index: number): number[] {
    return Array.from(this.weight(node, index).values);
  }

  /** A new constant of floats, or of 64-bit integers as ONNX wants shapes and axes. */
  floats(values: Float32Array, shape: readonly number[]): string {
    return this.#addConstant(this.fresh('floats'), values, shape);
  }

  int64(values: readonly number[]): string {
    return this.#addConstant(this.fresh('int64'), BigInt64Array.from(values, BigInt), [values.length]);
  }

  toChannelsFirst(tensor: string): string {
    return this.add('Transpose', [tensor], { perm: [0, 3, 1, 2] });
  }

  toChannelsLast(tensor: string, output: string): string {
    return this.add('Transpose', [tensor], { perm: [0, 2, 3, 1] }, output);
  }

  fresh(stem: string): string {
    this.#names += 1;
    return `${stem}#${this.#names}`;
  }

  #inputName(node: GraphNode, index: number): string {
    const name = node.input?.[index];
    if (name === undefined) throw new GodwitError('DATA_LOSS', `input ${index} is missing`);
    return name;
  }

  #addConstant(name: string, values: Float32Array | Int32Array | BigInt64Array, shape: readonly number[]): string {
    const type = values instanceof Float32Array ? elementType.float : values instanceof Int32Array ? elementType.int32 : elementType.int64;
    this.constants.set(name, { name, type, shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) });
    return name;
  }
}
