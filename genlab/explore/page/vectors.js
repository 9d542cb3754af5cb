/** Linear algebra on codes: Float32Array, several of them one after another. */

/** a + scale * b */
export function plus(a, b, scale = 1) {
  const sum = new Float32Array(a.length);
  for (let i = 0; i < a.length; i += 1) sum[i] = a[i] + scale * b[i];
  return sum;
}

export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i] * b[i];
  return sum;
}

/** From a (share 0) to b (share 1) in a straight line. */
export function lerp(a, b, share) {
  const between = new Float32Array(a.length);
  for (let i = 0; i < a.length; i += 1) between[i] = a[i] * (1 - share) + b[i] * share;
  return between;
}

/** From a to b at even angles around the origin (Shoemake 1985); linear for codes in the same or opposite directions. */
export function slerp(a, b, share) {
  const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  if (!(Math.abs(cosine) <= 1 - 1e-6)) return lerp(a, b, share);
  const angle = Math.acos(cosine);
  const [first, second] = [Math.sin((1 - share) * angle) / Math.sin(angle), Math.sin(share * angle) / Math.sin(angle)];
  const between = new Float32Array(a.length);
  for (let i = 0; i < a.length; i += 1) between[i] = first * a[i] + second * b[i];
  return between;
}

/** Codes at shares of a way, one after another; `way` is `lerp` or `slerp`. */
export const along = (a, b, shares, way) => joined(shares.map((share) => way(a, b, share)));

/** Codes on a square lattice between four corners, row by row. */
export function square([topLeft, topRight, bottomLeft, bottomRight], side, way) {
  const shares = evenly(side);
  return joined(
    shares.flatMap((down) => {
      const [left, right] = [way(topLeft, bottomLeft, down), way(topRight, bottomRight, down)];
      return shares.map((across) => way(left, right, across));
    }),
  );
}

/** Numbers from 0 to 1, both included. */
export const evenly = (count) => Array.from({ length: count }, (_, i) => (count > 1 ? i / (count - 1) : 0));

/**
 * Put arrays of numbers one after another.
 *
 * @template {Float32Array|Uint8Array} T
 * @param {T[]} arrays at least one
 * @returns {T}
 */
export function joined(arrays) {
  const all = new arrays[0].constructor(arrays.reduce((length, array) => length + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

/** Codes drawn at a temperature: nearer to the mean below 1, farther above. */
export function tempered(codes, mean, temperature) {
  return codes.map((value, i) => mean[i % mean.length] + temperature * (value - mean[i % mean.length]));
}
