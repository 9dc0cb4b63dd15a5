/**
 * A small fast pseudo-random generator with 128 bits of state; not for secrets.
 * @see Chris Doty-Humphrey, PractRand 0.93, `RNGs/sfc.h`: sfc32, seeded as `Seeder` there does with three words and 15 rounds
 */
export class Sfc32 {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** @param seed a safe integer @param label tells streams of one seed apart, so that draws of one do not shift another's */
  constructor(seed: number, label: string) {
    this.a = seed | 0;
    this.b = Math.floor(seed / 2 ** 32) | 0;
    this.c = fnv1a(label);
    for (let round = 0; round < 15; round++) this.word();
  }

  /** 32 random bits, as a signed integer. */
  word(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum;
  }

  /** Evenly in [0, 1), in steps of 2^-32. */
  fraction(): number {
    return (this.word() >>> 0) / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 4) {
      const word = this.word();
      for (let byte = 0; byte < 4 && at + byte < length; byte++) bytes[at + byte] = word >>> (8 * byte);
    }
    return bytes;
  }
}

/** The FNV-1a hash of a text's UTF-16 units, 32 bits. @see RFC 9923 */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}
