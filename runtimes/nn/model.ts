import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GodwitError } from '#core';

/** Where a model's files are. @public */
export type ModelFiles =
  /** Path of a TensorFlow.js graph model (`model.json`); its weight files lie beside it. Every backend takes it. */
  | { readonly tfjs: string }
  /** Path of an ONNX model. Only onnxruntime-node takes it. */
  | { readonly onnx: string };

/** A model read from its files, not yet parsed for a backend. */
export type Model = { readonly name: string; readonly tfjs: TfjsModel } | { readonly name: string; readonly onnx: Uint8Array };

/** A TensorFlow.js graph model. */
export interface TfjsModel {
  readonly nodes: readonly GraphNode[];
  readonly signature: { readonly inputs: TensorInfos; readonly outputs: TensorInfos };
  readonly weights: readonly WeightSpec[];
  /** All weights, one behind the other in the order of `weights`. */
  readonly weightBytes: Uint8Array;
  /** The parsed `model.json`, as the TensorFlow.js loader wants it. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** One operation of the graph. Attribute values are those of TensorFlow's NodeDef in JSON: 64-bit integers as text, strings in base64. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, Attribute | undefined>>;
}

export interface Attribute {
  readonly b?: boolean;
  readonly i?: string | number;
  readonly s?: string;
  readonly type?: string;
  readonly list?: { readonly i?: ReadonlyArray<string | number>; readonly s?: readonly string[] };
}

export type TensorInfos = Readonly<
  Record<string, { readonly name: string; readonly tensorShape?: { readonly dim?: ReadonlyArray<{ readonly size: string }> } }>
>;

export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: { readonly dtype: string };
}

// 1 GiB: far above what a phone-class detector needs, below what would end the process.
const maxModelBytes = 1024 * 1024 * 1024;

/** Reads a model's files. @throws {GodwitError} NOT_FOUND a file is missing · DATA_LOSS a file is not what it should be · RESOURCE_EXHAUSTED over 1 GiB */
export async function readModel(name: string, files: ModelFiles): Promise<Model> {
  if ('onnx' in files) return { name, onnx: await readPart(name, files.onnx) };
  const text = new TextDecoder().decode(await readPart(name, files.tfjs));
  try {
    return { name, tfjs: await parseTfjs(name, text, dirname(files.tfjs)) };
  } catch (thrown) {
    if (GodwitError.is(thrown)) throw thrown;
    throw new GodwitError('DATA_LOSS', `model ${name}: ${files.tfjs} is not a TensorFlow.js graph model: ${GodwitError.from(thrown).message}`, {
      cause: thrown,
    });
  }
}

interface ModelJson extends Readonly<Record<string, unknown>> {
  readonly modelTopology: { readonly node: readonly GraphNode[] };
  readonly signature: TfjsModel['signature'];
  readonly weightsManifest: ReadonlyArray<{ readonly paths: readonly string[]; readonly weights: readonly WeightSpec[] }>;
}

async function parseTfjs(name: string, text: string, folder: string): Promise<TfjsModel> {
  const json = JSON.parse(text) as ModelJson;
  const parts = await Promise.all(json.weightsManifest.flatMap((group) => group.paths).map((path) => readPart(name, join(folder, path))));
  const weights = json.weightsManifest.flatMap((group) => group.weights);
  const weightBytes = new Uint8Array(Buffer.concat(parts));
  const expected = weights.reduce((sum, weight) => sum + bytesOfWeight(weight), 0);
  if (expected !== weightBytes.length)
    throw new GodwitError('DATA_LOSS', `model ${name}: its weights have ${weightBytes.length} bytes, the manifest says ${expected}`);
  if (!Array.isArray(json.modelTopology.node) || typeof json.signature.outputs !== 'object')
    throw new GodwitError('DATA_LOSS', `model ${name}: no graph or no signature`);
  return { nodes: json.modelTopology.node, signature: json.signature, weights, weightBytes, json };
}

/** Bytes of one weight in `weightBytes`. */
export function bytesOfWeight(weight: WeightSpec): number {
  const stored = weight.quantization?.dtype ?? weight.dtype;
  const width = { float16: 2, float32: 4, int32: 4, uint8: 1, uint16: 2, bool: 1 }[stored];
  if (width === undefined) throw new GodwitError('UNIMPLEMENTED', `weight ${weight.name}: values stored as ${stored}`);
  return weight.shape.reduce((product, length) => product * length, 1) * width;
}

async function readPart(name: string, path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > maxModelBytes)
      throw new GodwitError('RESOURCE_EXHAUSTED', `model ${name}: ${path} has ${size} bytes, over the limit of ${maxModelBytes}`, { retryable: false });
    return await readFile(path);
  } catch (thrown) {
    if (GodwitError.is(thrown)) throw thrown;
    throw new GodwitError('NOT_FOUND', `model ${name}: cannot read ${path}: ${GodwitError.from(thrown).message}`, { cause: thrown });
  }
}

/** Shapes of a signature, by the tensor's name in the graph. */
export function shapesFromInfos(infos: TensorInfos): ReadonlyMap<string, readonly number[]> {
  return new Map(Object.entries(infos).map(([key, info]) => [plainName(info.name || key), (info.tensorShape?.dim ?? []).map((dim) => Number(dim.size))]));
}

/** A tensor name without control marker and first-output suffix: `^a` and `a:0` are `a`. */
export function plainName(name: string): string {
  return name.replace(/^\^/, '').replace(/:0$/, '');
}
