import type { Context } from '../actors/context.js';

/** A dense array in row-major order; `data.length` is the product of `shape`. The host turns bytes into floats: 0 to 255, unscaled. @public */
export interface Tensor {
  readonly data: Uint8Array | Float32Array;
  readonly shape: readonly number[];
}

/** What a model answered under one output name. @public */
export interface OutputTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** What {@link Nn.infer} may be told beside its inputs. @public */
export interface InferOptions {
  /** Outputs to compute and return; default: all that the model declares, which may be megabytes. */
  readonly outputs?: readonly string[];
}

/** The answer of one inference. @public */
export interface Inference {
  readonly outputs: Readonly<Record<string, OutputTensor>>;
  /** Backend that ran it, e.g. 'onnxruntime-node'. Equal backends give equal numbers. */
  readonly backend: string;
  /** Milliseconds of the inference alone, without queueing and loading. */
  readonly inferMs: number;
}

/** Neural-network inference by the host. @public */
export interface Nn {
  /**
   * Runs a model that the host knows by name; it is loaded at its first use.
   * @param inputs one tensor for a model with one input, else tensors by input name
   * @throws {GodwitError} NOT_FOUND unknown model · INVALID_ARGUMENT a shape, length or name that the model does not take ·
   * UNAVAILABLE no backend on this host, with the reason for each
   */
  infer(model: string, inputs: Tensor | Readonly<Record<string, Tensor>>, options?: InferOptions): Promise<Inference>;
}

/** The host function `nn`, typed. Valid as long as the turn of `ctx`. @public */
export function nn(ctx: Pick<Context, 'call'>): Nn {
  return {
    async infer(model, inputs, options) {
      return (await ctx.call('nn', 'infer', model, inputs, options ?? {})) as Inference;
    },
  };
}
