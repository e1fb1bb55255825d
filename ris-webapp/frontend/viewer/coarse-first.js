/**
 * A compressed frame in two pieces: the coarse picture as soon as all of it is there, and then the rest. The codestream
 * says itself where the finest resolution begins (its TLM marker, ISO/IEC 15444-1 A.7.1), so the decoder is never given
 * a beginning that it cannot decode.
 */
(function () {
  const START = [0xff, 0x4f, 0xff, 0x51];
  const TILE_PART_LENGTHS = 0x55;
  const START_OF_TILE_PART = 0x90;
  const AFTER = 64; // what the reader cuts off the end of an incomplete part

  /** Bytes up to the finest resolution; 0 when it cannot be said (yet), -1 when it never can. */
  function coarseBytes(bytes) {
    const start = bytes.findIndex((_, at) => START.every((value, index) => bytes[at + index] === value));
    if (start < 0) return bytes.length > 4096 ? -1 : 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let lengths = null;
    for (let at = start + 2; at + 4 <= bytes.length; at += 2 + view.getUint16(at + 2)) {
      const marker = bytes[at + 1];
      if (bytes[at] !== 0xff) return -1;
      if (marker === START_OF_TILE_PART) return lengths ? at + lengths.slice(0, -1).reduce((sum, length) => sum + length, AFTER) : -1;
      if (marker !== TILE_PART_LENGTHS) continue;
      const end = at + 2 + view.getUint16(at + 2);
      if (end > bytes.length) return 0;
      if (bytes[at + 5] !== 0x60) return -1; // another form: tile of 16 bits, length of 32 is what the gateway writes
      lengths = [];
      for (let entry = at + 6; entry + 6 <= end; entry += 6) lengths.push(view.getUint32(entry + 2));
    }
    return 0;
  }

  function joined(pieces, size) {
    const whole = new Uint8Array(size);
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  /** The same answer, its body in at most two pieces. */
  window.quangCoarseFirst = function (response) {
    if (!response.ok || !response.body || !(response.headers.get('Content-Type') || '').includes('image/jphc')) return response;
    let pieces = [];
    let size = 0;
    let coarse = 0;
    const give = controller => {
      if (size) controller.enqueue(joined(pieces, size));
      pieces = [];
      size = 0;
    };
    const body = response.body.pipeThrough(
      new TransformStream({
        transform(piece, controller) {
          pieces.push(piece);
          size += piece.length;
          if (coarse === 0) coarse = coarseBytes(joined(pieces, size));
          if (coarse > 0 && size >= coarse) {
            give(controller);
            coarse = -1;
          }
        },
        flush: give,
      })
    );
    return new Response(body, { status: response.status, headers: response.headers });
  };
})();
