/** TensorFlow operations in ONNX, one converter each. Only what detection graphs of the MobileNet/CenterNet kind use. */
import { GodwitError } from '#core';
import type { GraphNode } from './model.js';
import type { OnnxGraphBuilder } from './onnx-graph-builder.js';
import { elementType } from './onnx-model.js';

type Converter = (graph: OnnxGraphBuilder, node: GraphNode) => void;

/** Appends what `node` does to the graph; its output keeps the node's name. @throws {GodwitError} UNIMPLEMENTED no converter for the operation or a variant of it */
export function convertNode(graph: OnnxGraphBuilder, node: GraphNode): void {
  const convert = converters.get(node.op);
  if (convert === undefined) throw new GodwitError('UNIMPLEMENTED', 'there is no converter for this operation');
  convert(graph, node);
}

// The end of an axis, for slices whose end is masked: ONNX clamps it to the axis length.
const endOfAxis = 2 ** 31 - 1;

const nothing: Converter = () => {};
const same =
  (op: string): Converter =>
  (graph, node) =>
    void graph.add(op, graph.inputs(node), {}, node.name);
const unary =
  (op: string): Converter =>
  (graph, node) =>
    void graph.add(op, [graph.input(node, 0)], {}, node.name);

const converters: ReadonlyMap<string, Converter> = new Map<string, Converter>([
  ['Const', nothing],
  ['Placeholder', nothing],
  ['Mul', same('Mul')],
  ['Add', same('Add')],
  ['AddV2', same('Add')],
  ['Sub', same('Sub')],
  ['Equal', same('Equal')],
  // Of integers ≥ 0 (indices) only: there flooring and truncating are one.
  ['FloorDiv', onIntegers(same('Div'))],
  ['FloorMod', onIntegers(same('Mod'))],
  ['Relu', unary('Relu')],
  ['Sigmoid', unary('Sigmoid')],
  ['Identity', unary('Identity')],
  ['Relu6', relu6],
  ['Conv2D', (graph, node) => convolution(graph, node, false)],
  ['_FusedConv2D', (graph, node) => convolution(graph, node, false)],
  ['DepthwiseConv2dNative', (graph, node) => convolution(graph, node, true)],
  ['FusedDepthwiseConv2dNative', (graph, node) => convolution(graph, node, true)],
  ['MaxPool', maxPool],
  ['ResizeBilinear', resize],
  ['Mean', mean],
  ['ConcatV2', concatenation],
  ['Reshape', (graph, node) => void graph.add('Reshape', [graph.input(node, 0), graph.int64(graph.integers(node, 1))], {}, node.name)],
  ['ExpandDims', (graph, node) => void graph.add('Unsqueeze', [graph.input(node, 0), graph.int64(graph.integers(node, 1))], {}, node.name)],
  ['GatherV2', (graph, node) => void graph.add('Gather', [graph.input(node, 0), graph.input(node, 1)], { axis: first(graph.integers(node, 2)) }, node.name)],
  ['Cast', cast],
  ['TopKV2', topK],
  ['StridedSlice', slice],
]);

function onIntegers(convert: Converter): Converter {
  return (graph, node) => {
    if (node.attr?.T?.type !== 'DT_INT32') throw new GodwitError('UNIMPLEMENTED', `only for DT_INT32, not ${node.attr?.T?.type}`);
    convert(graph, node);
  };
}

function relu6(graph: OnnxGraphBuilder, node: GraphNode): void {
  graph.add('Clip', [graph.input(node, 0), graph.floats(Float32Array.of(0), []), graph.floats(Float32Array.of(6), [])], {}, node.name);
}

/** TensorFlow weights are height, width, in, out (depthwise: height, width, in, multiplier); ONNX wants out, in, height, width, and depthwise as groups. */
function convolution(graph: OnnxGraphBuilder, node: GraphNode, depthwise: boolean): void {
  const { shape, values } = graph.weight(node, 1);
  const [height, width, channels, outs] = shape as [number, number, number, number];
  const turned = new Float32Array(values.length);
  let from = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let channel = 0; channel < channels; channel += 1) {
        for (let out = 0; out < outs; out += 1) {
          const filter = depthwise ? channel * outs + out : out * channels + channel;
          turned[(filter * height + y) * width + x] = values[from];
          from += 1;
        }
      }
    }
  }
  const fused = (node.attr?.fused_ops?.list?.s ?? []).map(textFromBase64);
  const unknown = fused.find((op) => op !== 'BiasAdd' && op !== 'Relu');
  if (unknown !== undefined) throw new GodwitError('UNIMPLEMENTED', `fused with ${unknown}`);
  const inputs = [
    graph.toChannelsFirst(graph.input(node, 0)),
    graph.floats(turned, depthwise ? [channels * outs, 1, height, width] : [outs, channels, height, width]),
  ];
  if (fused.includes('BiasAdd')) inputs.push(graph.input(node, 2));
  const convolved = graph.add('Conv', inputs, {
    auto_pad: padding(node),
    strides: spatial(node, 'strides'),
    dilations: spatial(node, 'dilations'),
    group: depthwise ? channels : 1,
    kernel_shape: [height, width],
  });
  graph.toChannelsLast(fused.includes('Relu') ? graph.add('Relu', [convolved]) : convolved, node.name);
}

function maxPool(graph: OnnxGraphBuilder, node: GraphNode): void {
  const attributes = { kernel_shape: spatial(node, 'ksize'), strides: spatial(node, 'strides'), auto_pad: padding(node) };
  graph.toChannelsLast(graph.add('MaxPool', [graph.toChannelsFirst(graph.input(node, 0))], attributes), node.name);
}

function resize(graph: OnnxGraphBuilder, node: GraphNode): void {
  const image = graph.toChannelsFirst(graph.input(node, 0));
  const batchAndChannels = graph.add('Slice', [graph.add('Shape', [image]), graph.int64([0]), graph.int64([2])]);
  const sizes = graph.add('Concat', [batchAndChannels, graph.int64(graph.integers(node, 1))], { axis: 0 });
  const coordinates = node.attr?.half_pixel_centers?.b ? 'half_pixel' : node.attr?.align_corners?.b ? 'align_corners' : 'asymmetric';
  // Inputs 1 and 2, the region of interest and the scales, are left out.
  graph.toChannelsLast(graph.add('Resize', [image, '', '', sizes], { mode: 'linear', coordinate_transformation_mode: coordinates }), node.name);
}

function mean(graph: OnnxGraphBuilder, node: GraphNode): void {
  graph.add('ReduceMean', [graph.input(node, 0)], { axes: graph.integers(node, 1), keepdims: node.attr?.keep_dims?.b ? 1 : 0 }, node.name);
}

function concatenation(graph: OnnxGraphBuilder, node: GraphNode): void {
  const last = (node.input?.length ?? 0) - 1;
  const parts = Array.from({ length: last }, (_, index) => graph.input(node, index));
  graph.add('Concat', parts, { axis: first(graph.integers(node, last)) }, node.name);
}

function cast(graph: OnnxGraphBuilder, node: GraphNode): void {
  const target = node.attr?.DstT?.type;
  const type = target === 'DT_FLOAT' ? elementType.float : target === 'DT_INT32' ? elementType.int32 : undefined;
  if (type === undefined) throw new GodwitError('UNIMPLEMENTED', `to ${target}`);
  graph.add('Cast', [graph.input(node, 0)], { to: type }, node.name);
}

/** Indices are 32-bit in TensorFlow and 64-bit in ONNX. */
function topK(graph: OnnxGraphBuilder, node: GraphNode): void {
  const indices = graph.fresh('indices');
  graph.add('TopK', [graph.input(node, 0), graph.int64(graph.integers(node, 1))], { axis: -1, largest: 1, sorted: 1 }, [node.name, indices]);
  graph.add('Cast', [indices], { to: elementType.int32 }, `${node.name}:1`);
}

function slice(graph: OnnxGraphBuilder, node: GraphNode): void {
  const mask = (name: string) => Number(node.attr?.[name]?.i ?? 0);
  for (const refused of ['shrink_axis_mask', 'ellipsis_mask', 'new_axis_mask']) {
    if (mask(refused) !== 0) throw new GodwitError('UNIMPLEMENTED', `with ${refused}`);
  }
  const begins = graph.integers(node, 1).map((begin, axis) => ((mask('begin_mask') >> axis) & 1 ? 0 : begin));
  const ends = graph.integers(node, 2).map((end, axis) => ((mask('end_mask') >> axis) & 1 ? endOfAxis : end));
  const axes = begins.map((_, axis) => axis);
  graph.add('Slice', [graph.input(node, 0), graph.int64(begins), graph.int64(ends), graph.int64(axes), graph.int64(graph.integers(node, 3))], {}, node.name);
}

function padding(node: GraphNode): string {
  const name = textFromBase64(node.attr?.padding?.s ?? '');
  if (name === 'SAME') return 'SAME_UPPER';
  if (name === 'VALID') return 'VALID';
  throw new GodwitError('UNIMPLEMENTED', `padding '${name}'`);
}

/** Height and width of an attribute that has four lengths, batch and channel first and last. */
function spatial(node: GraphNode, attribute: string): number[] {
  return (node.attr?.[attribute]?.list?.i ?? [1, 1, 1, 1]).map(Number).slice(1, 3);
}

function textFromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

function first(values: readonly number[]): number {
  const value = values[0];
  if (value === undefined) throw new GodwitError('DATA_LOSS', 'an empty constant where a number is needed');
  return value;
}
