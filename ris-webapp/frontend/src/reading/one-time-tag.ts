// Poly1305 (RFC 8439 2.5): a tag that nobody can make without the key, at once and without waiting for the browser, which
// Web Crypto cannot. A key is good for one message.

export const KEY_BYTES = 32;
const BLOCK = 16;
const PRIME = (1n << 130n) - 5n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

/** 16 bytes over `message`, by the first {@link KEY_BYTES} of `key`. */
export function tagOf(message: Uint8Array, key: Uint8Array): Uint8Array {
  const [factor, last] = [number(key.subarray(0, BLOCK)) & CLAMP, number(key.subarray(BLOCK, KEY_BYTES))];
  let sum = 0n;
  for (let start = 0; start < message.length; start += BLOCK) {
    const block = message.subarray(start, start + BLOCK);
    sum = ((sum + number(block) + (1n << BigInt(8 * block.length))) * factor) % PRIME;
  }
  sum += last;
  return Uint8Array.from({ length: BLOCK }, (_, place) => Number((sum >> BigInt(8 * place)) & 0xffn));
}

export const same = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.reduce((different, byte, place) => different | (byte ^ (other[place] ?? 0)), 0) === 0;

/** The bytes as a number, the first the least. */
function number(bytes: Uint8Array): bigint {
  let hexadecimal = "";
  for (const byte of bytes) hexadecimal = byte.toString(16).padStart(2, "0") + hexadecimal;
  return BigInt(`0x${hexadecimal || "0"}`);
}
