/**
 * Forward cosine transform of 8×8 blocks, in place, by Arai, Agui and Nakajima: five multiplications a row. Its outputs are scaled by
 * 8·scale[row]·scale[column], which the quantisation divides out.
 * @see Arai, Agui, Nakajima, A fast DCT-SQ scheme for images, Trans. IEICE E71, 1988
 */
export function transformBlock(block: Float64Array): void {
  for (let row = 0; row < 64; row += 8) transformLine(block, row, 1);
  for (let column = 0; column < 8; column += 1) transformLine(block, column, 8);
}

/** Scale of each frequency: 1, and √2·cos(kπ/16). Literals, since cosines may differ between platforms. */
export const transformScale: readonly number[] = [
  1, 1.387039845322148, 1.306562964876377, 1.175875602419359, 1, 0.785694958387102, 0.541196100146197, 0.275899379282943,
];

const cos4 = Math.SQRT1_2; // cos(4π/16)
const cos6 = 0.3826834323650898; // cos(6π/16)
const cos2MinusCos6 = 0.541196100146197;
const cos2PlusCos6 = 1.3065629648763766;

function transformLine(block: Float64Array, start: number, step: number): void {
  const v0 = block[start];
  const v1 = block[start + step];
  const v2 = block[start + 2 * step];
  const v3 = block[start + 3 * step];
  const v4 = block[start + 4 * step];
  const v5 = block[start + 5 * step];
  const v6 = block[start + 6 * step];
  const v7 = block[start + 7 * step];
  // Even part.
  const sum07 = v0 + v7;
  const sum16 = v1 + v6;
  const sum25 = v2 + v5;
  const sum34 = v3 + v4;
  const outer = sum07 + sum34;
  const inner = sum16 + sum25;
  const difference = sum07 - sum34;
  const even = (sum16 - sum25 + difference) * cos4;
  block[start] = outer + inner;
  block[start + 4 * step] = outer - inner;
  block[start + 2 * step] = difference + even;
  block[start + 6 * step] = difference - even;
  // Odd part.
  const difference07 = v0 - v7;
  const low = v3 - v4 + (v2 - v5);
  const middle = v2 - v5 + (v1 - v6);
  const high = v1 - v6 + difference07;
  const turned = (low - high) * cos6;
  const lowTurned = cos2MinusCos6 * low + turned;
  const highTurned = cos2PlusCos6 * high + turned;
  const middleTurned = middle * cos4;
  const plus = difference07 + middleTurned;
  const minus = difference07 - middleTurned;
  block[start + 5 * step] = minus + lowTurned;
  block[start + 3 * step] = minus - lowTurned;
  block[start + step] = plus + highTurned;
  block[start + 7 * step] = plus - highTurned;
}
