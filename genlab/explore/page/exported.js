/**
 * A model that runs in the browser, from the folder that `genlab explore --export` writes.
 *
 * The methods are those of `served.js`; see there for what they take and return.
 */

import { framed, resized } from "genlab/exported/framing.js";
import { mixture, normal, uniform } from "genlab/exported/random.js";
import { computed } from "genlab/exported/runtime.js";
import { bytes, floats, json } from "genlab/exported/stored.js";
import { nth, sizeOf } from "genlab/paint.js";

const site = () => json("site");
const product = (shape) => shape.reduce((a, b) => a * b, 1);

/** Eight bits of values in [0, 1], rounded as `genlab.images.eight_bits` does: ties to even. */
const pixelsOf = (values) => new Uint8Array(Uint8ClampedArray.from(values, (value) => Math.fround(value * 255)).buffer);

const valuesOf = (pixels) => Float32Array.from(pixels, (value) => value / 255);

/** Compute a method of the model: n inputs, one after another, to as many outputs. */
async function compute(name, inputs, condition = null, seed = 0) {
  const { graphs, description } = await site();
  const graph = graphs[name];
  const n = inputs.length / product(graph.input);
  return computed(graph, inputs, n, conditionOf(description.condition, condition), uniform(seed));
}

/** A condition as a graph takes it. */
function conditionOf(known, value) {
  if (!known) return null;
  if (value === null) throw new Error("This model needs a condition.");
  if (known.kind === "classes") return { data: BigInt64Array.of(BigInt(value)), shape: [1] };
  if (known.kind === "attributes") return { data: Float32Array.from(value), shape: [1, value.length] };
  return { data: valuesOf(value), shape: [1, ...known.shape] };
}

const decode = async (codes, condition) => pixelsOf(await compute("decode", codes, condition));

async function draw({ count, seed, prior = "own" }) {
  const { description, densities } = await site();
  const size = product(description.code_shape);
  if (prior === "own") return Float32Array.from({ length: count * size }, normal(seed));
  const { weights } = densities[prior];
  const numbers = await floats(`density-${prior}`);
  const means = numbers.subarray(0, weights.length * size);
  return mixture({ weights, means, factors: numbers.subarray(means.length) }, size, count, seed);
}

/** Under each class in turn, where a model has classes and none is said. */
async function sample(count, seed, condition) {
  const { description } = await site();
  const codes = await draw({ count, seed });
  const classes = condition === null && description.condition?.kind === "classes" ? description.condition.names : null;
  if (!classes) return decode(codes, condition);
  const [images, size] = [new Uint8Array(count * sizeOf(description.image_shape)), product(description.code_shape)];
  for (let i = 0; i < count; i += 1) {
    const code = codes.subarray(i * size, (i + 1) * size);
    images.set(await decode(code, i % classes.length), i * sizeOf(description.image_shape));
  }
  return images;
}

export const backend = {
  async runs() {
    const { run } = await site();
    return { runs: [run], chosen: run.key };
  },

  describe: async () => (await site()).description,

  gallery(key, { gallery, condition }) {
    const first = Object.keys(gallery.shapes)[0];
    const images = (part = first) => bytes(`gallery-${part}`);
    return {
      count: gallery.count,
      labels: gallery.labels,
      images,
      codes: () => floats("gallery-codes"),
      conditions: () => (condition?.kind === "image" ? images("source") : floats("gallery-conditions")),
    };
  },

  async attribute(key, name) {
    const { description } = await site();
    return nth(await floats("attributes"), [1, 1, product(description.code_shape)], description.attributes.indexOf(name));
  },

  decode: (key, codes, condition = null) => decode(codes, condition),

  encode: (key, pixels, condition = null) => compute("encode", valuesOf(pixels), condition),

  reconstruct: async (key, pixels, condition = null) =>
    decode(await compute("encode", valuesOf(pixels), condition), condition),

  draw: (key, asked) => draw(asked),

  sample: async (key, { count, seed }, condition = null) => ({ pixels: await sample(count, seed, condition) }),

  /** Images of another size are fitted to what the graph was written for. */
  async translate(key, pixels, shape, { direction, seed }) {
    const { graphs } = await site();
    const { input, output } = graphs[direction];
    const fits = shape[1] === input[1] && shape[2] === input[2];
    const fitted = fits ? pixels : resized(pixels, shape, [0, 0, shape[2], shape[1]], input);
    return { pixels: pixelsOf(await compute(direction, valuesOf(fitted), null, seed)), shape: output };
  },

  async frame(key, file, part) {
    const { framing } = await site();
    if (!framing[part]) throw new Error("Images of this kind can only be uploaded to genlab explore, which serves the model: choose a test image.");
    return framed(file, framing[part]);
  },

  training: async () => (await site()).training,
  pictureUrl: (key, id) => `pictures/${encodeURIComponent(id)}`,
  thumbnailUrl: () => "thumbnail.png",
};
