/**
 * Everything that happened in a world, folded into 64 bits as it happens: two runs with the same digest took the same way. Not a
 * cryptographic hash: nobody forges runs.
 * @see bryc, cyrb53 (public domain), whose mixing and finalisation this uses, without cutting to 53 bits
 */
export class Trace {
  /** One line per happening, if they are kept. */
  readonly lines: string[] = [];
  private low = 0xdeadbeef | 0;
  private high = 0x41c6ce57 | 0;

  constructor(private readonly keepsLines: boolean) {}

  /** @param bytes what came with it, a frame perhaps */
  add(atUs: number, node: string, what: string, bytes?: Uint8Array): void {
    this.word(atUs | 0);
    this.word(Math.floor(atUs / 2 ** 32));
    this.text(node);
    this.text(what);
    if (bytes !== undefined) for (let at = 0; at < bytes.length; at++) this.word(bytes[at]);
    if (this.keepsLines) this.lines.push(`${(atUs / 1000).toFixed(3)} ${node} ${what}${bytes === undefined ? '' : ` (${bytes.length} bytes)`}`);
  }

  digest(): string {
    let low = Math.imul(this.low ^ (this.low >>> 16), 2246822507);
    low ^= Math.imul(this.high ^ (this.high >>> 13), 3266489909);
    let high = Math.imul(this.high ^ (this.high >>> 16), 2246822507);
    high ^= Math.imul(low ^ (low >>> 13), 3266489909);
    return hex(high) + hex(low);
  }

  private text(text: string): void {
    for (let at = 0; at < text.length; at++) this.word(text.charCodeAt(at));
    this.word(text.length);
  }

  private word(word: number): void {
    this.low = Math.imul(this.low ^ word, 2654435761);
    this.high = Math.imul(this.high ^ word, 1597334677);
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
