/**
 * Writes the few ONNX messages that a converted graph needs, in protobuf wire format.
 * @see https://github.com/onnx/onnx/blob/v1.16.0/onnx/onnx.proto (field numbers)
 * @see https://protobuf.dev/programming-guides/encoding/
 */

/** Element types of onnx.proto TensorProto.DataType. */
export const elementType = { float: 1, int32: 6, int64: 7 } as const;

export interface OnnxAttribute {
  readonly name: string;
  readonly value: number | string | readonly number[];
}

export interface OnnxNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
}

export interface OnnxTensor {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  /** Elements in row-major order, little-endian. */
  readonly bytes: Uint8Array;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
  /** Float inputs and outputs with their shapes; -1 stands for any length. */
  readonly inputs: ReadonlyMap<string, readonly number[]>;
  readonly outputs: ReadonlyMap<string, readonly number[]>;
}

// Operator set 17 with IR version 8: ReduceMean still takes its axes as an attribute, and every onnxruntime since 1.12 reads it.
const irVersion = 8;
const operatorSet = 17;
// AttributeProto.AttributeType
const attributeType = { int: 2, string: 3, ints: 7 } as const;

/** A whole ONNX model file. */
export function encodeOnnxModel(graph: OnnxGraph): Uint8Array {
  const operators = new Message().text(1, '').integer(2, operatorSet);
  return new Message().integer(1, irVersion).text(2, 'godwit').message(7, graphMessage(graph)).message(8, operators).bytes();
}

function graphMessage(graph: OnnxGraph): Message {
  const message = new Message();
  for (const node of graph.nodes) message.message(1, nodeMessage(node));
  message.text(2, graph.name);
  for (const tensor of graph.constants) message.message(5, tensorMessage(tensor));
  for (const [name, shape] of graph.inputs) message.message(11, valueMessage(name, shape));
  for (const [name, shape] of graph.outputs) message.message(12, valueMessage(name, shape));
  return message;
}

function nodeMessage(node: OnnxNode): Message {
  const message = new Message();
  for (const input of node.inputs) message.text(1, input);
  for (const output of node.outputs) message.text(2, output);
  message.text(3, node.name).text(4, node.op);
  for (const attribute of node.attributes) message.message(5, attributeMessage(attribute));
  return message;
}

function attributeMessage({ name, value }: OnnxAttribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === 'number') return message.integer(3, value).integer(20, attributeType.int);
  if (typeof value === 'string') return message.text(4, value).integer(20, attributeType.string);
  for (const item of value) message.integer(8, item);
  return message.integer(20, attributeType.ints);
}

function tensorMessage(tensor: OnnxTensor): Message {
  const message = new Message();
  for (const length of tensor.shape) message.integer(1, length);
  return message.integer(2, tensor.type).text(8, tensor.name).blob(9, tensor.bytes);
}

function valueMessage(name: string, lengths: readonly number[]): Message {
  const shape = new Message();
  for (const length of lengths) shape.message(1, length < 0 ? new Message() : new Message().integer(1, length));
  const tensor = new Message().integer(1, elementType.float).message(2, shape);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}

/** Fields of one protobuf message, in the order written. */
class Message {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  /** An integer field; negative ones take ten bytes, as int64 does. */
  integer(field: number, value: number): this {
    return this.#append(varint(field << 3), varint(value));
  }

  text(field: number, value: string): this {
    return this.blob(field, new TextEncoder().encode(value));
  }

  blob(field: number, value: Uint8Array): this {
    return this.#append(varint((field << 3) | 2), varint(value.length), value);
  }

  message(field: number, value: Message): this {
    return this.#append(varint((field << 3) | 2), varint(value.#length), ...value.#chunks);
  }

  bytes(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  #append(...chunks: readonly Uint8Array[]): this {
    for (const chunk of chunks) {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
    }
    return this;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
