/** CRC-32 as zlib computes it. */

const TABLE = new Uint32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  TABLE[byte] = value;
}

/**
 * Checksum of a text of ASCII characters, as an unsigned number.
 * @param {string} text
 * @returns {number}
 */
export function crc32(text) {
  let value = 0xffffffff;
  for (let index = 0; index < text.length; index += 1) {
    value = (value >>> 8) ^ TABLE[(value ^ text.charCodeAt(index)) & 0xff];
  }
  return (value ^ 0xffffffff) >>> 0;
}
