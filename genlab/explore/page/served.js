/**
 * Models that run on the server. `exported.js` has the same methods for models that run in the browser.
 *
 * @typedef {[number, number, number]} Shape channels, height, width
 * @typedef {null|number|number[]|Uint8Array} ConditionValue a class, attributes, an image
 *
 * @typedef {object} Run
 * @property {string} key
 * @property {string} name
 * @property {string} model
 * @property {string} data
 * @property {number|null} epochs
 * @property {{name: string, value: number}|null} metric
 * @property {boolean} picture whether there is a thumbnail
 * @property {boolean} opens whether there is a checkpoint to look at
 *
 * @typedef {object} Description
 * @property {string} title
 * @property {Shape|null} image_shape
 * @property {number[]|null} code_shape
 * @property {boolean} flat whether codes are vectors of real numbers
 * @property {boolean} real whether codes are real numbers, in any arrangement
 * @property {boolean} styles whether codes are a StyleGAN's styles
 * @property {"lerp"|"slerp"} path along which codes are interpolated by default
 * @property {Object<"encode"|"decode"|"draw"|"sample"|"reconstruct"|"translate", boolean>} can
 * @property {null|{kind: "classes"|"attributes"|"image", names?: string[], usual?: number[], shape?: Shape}} condition
 * @property {string[]} priors
 * @property {null|{samplers: string[], usual: number, most: number, guided: boolean}} steps in which a model samples
 * @property {null|GalleryFacts} gallery
 * @property {null|{axes: "units"|"pca", mean: number[], basis: number[][], extent: number[], manifold: boolean}} map
 * @property {null|{mean: number[], std: number[], order: number[]}} units
 * @property {null|{vectors: number[][], std: number[]}} directions
 * @property {string[]} attributes
 * @property {null|{directions: Object<string, Shape>, palette: number[][]|null, input: "drawing"|"image"}} translation
 *
 * @typedef {object} GalleryFacts
 * @property {number} count
 * @property {"images"|"pairs"|"domains"} kind
 * @property {Object<string, Shape>} shapes
 * @property {number[]|null} labels
 * @property {string[]} class_names
 * @property {string[]|null} attributes which of the attributes each image has, such as 0110
 * @property {string[]} attribute_names
 *
 * @typedef {object} Gallery test images, with what is known of them
 * @property {number} count
 * @property {number[]|null} labels
 * @property {(part: string) => Promise<Uint8Array>} images
 * @property {() => Promise<Float32Array|null>} codes
 * @property {() => Promise<Float32Array|null>} conditions
 */

import { Dropped } from "genlab/status.js";
import { joined } from "genlab/vectors.js";

const view = crypto.randomUUID?.() ?? String(Math.random());
let turn = 0;

async function answer(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Error("The server does not answer. Is genlab explore still running?");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  if (told.dropped) throw new Dropped();
  throw new Error(told.error ?? `The server answered ${response.status}.`);
}

/** Slashes are encoded too: browsers would resolve a key such as ../other/best.ckpt. */
const at = (key) => `/api/models/${encodeURIComponent(key)}`;
const runAt = (key) => `/api/runs/${encodeURIComponent(key)}`;
const json = async (url) => (await answer(url)).json();
const bytes = async (response) => new Uint8Array(await (await response).arrayBuffer());
const floats = async (response) => new Float32Array(await (await response).arrayBuffer());

/** Put numbers or pixels below an image. */
function below(image, body) {
  const rest = body ? new Uint8Array(body.buffer, body.byteOffset, body.byteLength) : new Uint8Array();
  return joined([image, rest]);
}

/** Ask a model for something: numbers or pixels in the body, below the condition where that is an image. */
function ask(key, what, { query = {}, condition = null, body = null, live = null } = {}) {
  const parameters = new URLSearchParams(query);
  const isImage = condition instanceof Uint8Array;
  if (!isImage && condition !== null) parameters.set("condition", JSON.stringify(condition));
  if (live) {
    turn += 1;
    parameters.set("view", `${view}-${live}`);
    parameters.set("turn", turn);
  }
  return answer(`${at(key)}/${what}?${parameters}`, { method: "POST", body: isImage ? below(condition, body) : body });
}

export const backend = {
  /** @returns {Promise<{runs: Run[], chosen: string|null}>} */
  runs: () => json("/api/runs"),

  /** @returns {Promise<Description>} */
  describe: (key) => json(at(key)),

  /** @returns {Gallery} */
  gallery(key, { gallery }) {
    const known = new Map();
    const once = (name, load) => {
      if (!known.has(name)) {
        known.set(name, load());
        known.get(name).catch(() => known.delete(name));
      }
      return known.get(name);
    };
    return {
      count: gallery.count,
      labels: gallery.labels,
      images: (part) => once(part, () => bytes(answer(`${at(key)}/gallery/images?part=${encodeURIComponent(part)}`))),
      codes: () => once("codes", () => floats(answer(`${at(key)}/gallery/codes`))),
      conditions: () => once("conditions", () => floats(answer(`${at(key)}/gallery/conditions`))),
    };
  },

  /** @returns {Promise<Float32Array>} what to add to a code for an attribute */
  attribute: (key, name) => floats(answer(`${at(key)}/attributes/${encodeURIComponent(name)}`)),

  /**
   * @param {string} key
   * @param {Float32Array} codes
   * @param {ConditionValue} condition
   * @param {string|null} live name of what follows the hand: of its requests only the newest is answered
   * @returns {Promise<Uint8Array>} images
   */
  decode: (key, codes, condition = null, live = null) =>
    bytes(ask(key, "decode", { condition, body: codes, live })),

  /** @returns {Promise<Float32Array>} codes */
  encode: (key, pixels, condition = null) => floats(ask(key, "encode", { condition, body: pixels })),

  /** @returns {Promise<Uint8Array>} images */
  reconstruct: (key, pixels, condition = null) => bytes(ask(key, "reconstruct", { condition, body: pixels })),

  /** @returns {Promise<Float32Array>} codes */
  draw: (key, { count, seed, prior = "own" }, condition = null) =>
    floats(ask(key, "draw", { query: { count, seed, prior }, condition })),

  /** @returns {Promise<{pixels: Uint8Array}|{texts: string[]}>} */
  async sample(key, query, condition = null) {
    const response = await ask(key, "sample", { query, condition });
    const isText = response.headers.get("Content-Type")?.includes("json");
    return isText ? response.json() : { pixels: await bytes(response) };
  },

  /** @returns {Promise<Uint8Array>} what the chosen one of these samples was on its way from noise */
  way: (key, query, condition = null) => bytes(ask(key, "way", { query, condition })),

  /** @returns {Promise<{pixels: Uint8Array, shape: Shape}>} */
  async translate(key, pixels, shape, { direction, seed }, live = null) {
    const query = { direction, seed, shape: shape.join(",") };
    const response = await ask(key, "translate", { query, body: pixels, live });
    return { pixels: await bytes(response), shape: response.headers.get("X-Shape").split(",").map(Number) };
  },

  /** @returns {Promise<Uint8Array>} what the data make of a picture file */
  frame: (key, file, part) => bytes(answer(`${at(key)}/frame?part=${part}`, { method: "POST", body: file })),

  training: (key) => json(`${runAt(key)}/training`),
  pictureUrl: (key, id) => `${runAt(key)}/pictures/${encodeURIComponent(id)}`,
  thumbnailUrl: (key) => `${runAt(key)}/thumbnail`,
};
