import { GodwitError } from '#core';
import { bytesOfWeight, type TfjsModel, type WeightSpec } from './model.js';

/** A constant of a graph. */
export interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** The constants of a model by name, 16-bit floats widened. @throws {GodwitError} UNIMPLEMENTED another quantisation */
export function weightsFromTfjs(model: TfjsModel): ReadonlyMap<string, Weight> {
  const weights = new Map<string, Weight>();
  const view = new DataView(model.weightBytes.buffer, model.weightBytes.byteOffset, model.weightBytes.byteLength);
  let at = 0;
  for (const spec of model.weights) {
    weights.set(spec.name, { shape: spec.shape, values: readValues(spec, view, at) });
    at += bytesOfWeight(spec);
  }
  return weights;
}

function readValues(spec: WeightSpec, view: DataView, at: number): Float32Array | Int32Array {
  const length = spec.shape.reduce((product, dimension) => product * dimension, 1);
  const stored = spec.quantization?.dtype ?? spec.dtype;
  if (stored === 'float16') return Float32Array.from({ length }, (_, i) => floatFromHalf(view.getUint16(at + 2 * i, true)));
  if (stored === 'float32') return Float32Array.from({ length }, (_, i) => view.getFloat32(at + 4 * i, true));
  if (stored === 'int32') return Int32Array.from({ length }, (_, i) => view.getInt32(at + 4 * i, true));
  throw new GodwitError('UNIMPLEMENTED', `weight ${spec.name}: values stored as ${stored}`);
}

/** An IEEE 754 binary16 as a number. */
function floatFromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
