/** Random numbers that are the same for the same seed, in all browsers. */

/** Numbers in [0, 1), the next at each call: sfc32, which passes PractRand. */
export function uniform(seed) {
  let [a, b, c, counter] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, 0x9e3779b9, 1];
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 15; i += 1) next(); // so that similar seeds differ
  return next;
}

/** Numbers of a standard normal distribution (Box & Muller 1958). */
export function normal(seed) {
  const next = uniform(seed);
  let kept = null;
  return () => {
    if (kept !== null) {
      const value = kept;
      kept = null;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/**
 * Codes of a mixture of normal distributions.
 *
 * @param {{weights: number[], means: Float32Array, factors: Float32Array}} density factors A with A Aᵀ = covariance
 */
export function mixture({ weights, means, factors }, size, count, seed) {
  const [next, noise] = [uniform(seed), normal(seed + 1)];
  const codes = new Float32Array(count * size);
  for (let row = 0; row < count; row += 1) {
    let share = next();
    let component = 0;
    while (component < weights.length - 1 && share >= weights[component]) share -= weights[component++];
    const drawn = Float32Array.from({ length: size }, noise);
    for (let i = 0; i < size; i += 1) {
      let value = means[component * size + i];
      const factor = factors.subarray((component * size + i) * size, (component * size + i + 1) * size);
      for (let j = 0; j < size; j += 1) value += factor[j] * drawn[j];
      codes[row * size + i] = value;
    }
  }
  return codes;
}
