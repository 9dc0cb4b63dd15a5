import { GodwitError, type Tensor } from '#core';
import type { FloatTensor, Signature } from './backend.js';

/** The inputs of an inference checked against the model's signature, bytes made floats. @throws {GodwitError} INVALID_ARGUMENT naming input, shape and what the model takes */
export function floatInputs(model: string, signature: Signature, given: Tensor | Readonly<Record<string, Tensor>>): ReadonlyMap<string, FloatTensor> {
  const byName = isTensor(given) ? singleInput(model, signature, given) : given;
  const known = [...signature.inputs.keys()];
  const unknown = Object.keys(byName).find((name) => !signature.inputs.has(name));
  if (unknown !== undefined) throw new GodwitError('INVALID_ARGUMENT', `model ${model} has no input '${unknown}'; it has ${known.join(', ')}`);
  return new Map(known.map((name) => [name, floatTensor(model, name, signature.inputs.get(name) ?? [], byName[name])]));
}

/** The outputs to compute. @throws {GodwitError} INVALID_ARGUMENT one the model does not declare */
export function outputNames(model: string, signature: Signature, wanted: readonly string[] | undefined): readonly string[] {
  const known = [...signature.outputs.keys()];
  const unknown = wanted?.find((name) => !signature.outputs.has(name));
  if (unknown !== undefined) throw new GodwitError('INVALID_ARGUMENT', `model ${model} has no output '${unknown}'; it has ${known.join(', ')}`);
  return wanted ?? known;
}

function isTensor(given: object): given is Tensor {
  return 'data' in given && 'shape' in given && Array.isArray(given.shape);
}

function isShape(shape: unknown): shape is readonly number[] {
  return Array.isArray(shape) && shape.every((length) => Number.isInteger(length) && length >= 0);
}

function singleInput(model: string, signature: Signature, tensor: Tensor): Record<string, Tensor> {
  const [name, ...others] = signature.inputs.keys();
  if (name === undefined || others.length > 0) throw new GodwitError('INVALID_ARGUMENT', `model ${model} has ${others.length + 1} inputs; give each by name`);
  return { [name]: tensor };
}

function floatTensor(model: string, name: string, expected: readonly number[], tensor: Tensor | undefined): FloatTensor {
  if (tensor === undefined) throw new GodwitError('INVALID_ARGUMENT', `model ${model}: input '${name}' is missing`);
  const { data, shape } = tensor;
  const fits = isShape(shape) && shape.length === expected.length && expected.every((length, axis) => length === -1 || length === shape[axis]);
  if (!fits) throw new GodwitError('INVALID_ARGUMENT', `model ${model}: input '${name}' must have shape [${expected.join(', ')}], not [${String(shape)}]`);
  const elements = shape.reduce((product, length) => product * length, 1);
  if (!(data instanceof Uint8Array || data instanceof Float32Array) || data.length !== elements) {
    throw new GodwitError('INVALID_ARGUMENT', `model ${model}: input '${name}' needs ${elements} bytes or floats, not ${data?.length}`);
  }
  return { data: data instanceof Float32Array ? data : Float32Array.from(data), shape };
}
