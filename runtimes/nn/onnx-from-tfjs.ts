/**
 * Converts a TensorFlow.js graph model to ONNX, so that onnxruntime runs the same file as the tfjs backends.
 * TensorFlow keeps images as batch, height, width, channel (NHWC), ONNX as batch, channel, height, width: every spatial operation is
 * wrapped in two transposes, which onnxruntime then cancels against each other.
 */
import { GodwitError } from '#core';
import { shapesFromInfos, type TfjsModel } from './model.js';
import { OnnxGraphBuilder } from './onnx-graph-builder.js';
import { encodeOnnxModel } from './onnx-model.js';
import { convertNode } from './onnx-operations.js';
import { weightsFromTfjs } from './tfjs-weights.js';

/** The model as an ONNX file. @throws {GodwitError} UNIMPLEMENTED an operation or weight format that cannot be converted, naming it */
export function onnxFromTfjs(name: string, model: TfjsModel): Uint8Array {
  const graph = new OnnxGraphBuilder(weightsFromTfjs(model));
  for (const node of model.nodes) {
    try {
      convertNode(graph, node);
    } catch (thrown) {
      const error = GodwitError.from(thrown, 'DATA_LOSS');
      throw new GodwitError(error.code, `model ${name}: cannot convert ${node.op} '${node.name}' to ONNX: ${error.message}`, { cause: thrown });
    }
  }
  return encodeOnnxModel({
    name,
    nodes: graph.nodes,
    constants: [...graph.constants.values()],
    inputs: shapesFromInfos(model.signature.inputs),
    outputs: shapesFromInfos(model.signature.outputs),
  });
}
