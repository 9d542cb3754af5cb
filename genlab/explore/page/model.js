/** The model that is looked at; images and conditions that it can start from, and what the address calls them. */

import { backend } from "genlab/backend.js";
import { pack, unpack } from "genlab/packed.js";
import { nth, sizeOf } from "genlab/paint.js";

/**
 * @typedef {object} Model
 * @property {string} key
 * @property {import("./served.js").Description} about
 * @property {import("./served.js").Gallery|null} gallery
 * @property {[number, number, number]} shape of an image
 * @property {string} part of the gallery that is of the model's own images
 * @property {number} codeSize numbers of a code
 * @property {string} file how names of downloads begin
 * @property {(name: string) => Promise<Float32Array>} attribute the vector of an attribute, asked for once
 *
 * @typedef {object} Start an image, or a code, that something begins with
 * @property {string} reference what the address calls it
 * @property {string} title
 * @property {Uint8Array|null} pixels
 * @property {Float32Array|null} code
 * @property {string|null} condition of the image, as the address calls it
 */

/** @returns {Promise<Model>} */
export async function openModel(key) {
  const about = await backend.describe(key);
  const vectors = new Map();
  return {
    key,
    about,
    gallery: about.gallery && backend.gallery(key, about),
    shape: about.image_shape,
    part: about.gallery?.shapes.target && !about.gallery.shapes.image ? "target" : "image",
    codeSize: about.real ? about.code_shape.reduce((a, b) => a * b, 1) : 0,
    file: fileOf(key),
    async attribute(name) {
      if (!vectors.has(name)) vectors.set(name, await backend.attribute(key, name));
      return vectors.get(name);
    },
  };
}

/** A run that has just begun to train, and has no checkpoint yet: only its training can be seen. @returns {Model} */
export const untrained = (key) => ({
  key,
  about: {
    title: "",
    can: {},
    priors: [],
    gallery: null,
    translation: null,
    notes: ["This run has no checkpoint yet: reload the page later to play with its model."],
  },
  gallery: null,
  file: fileOf(key),
});

const fileOf = (key) => key.replace(/^runs\//, "").replace(/[^\w.-]+/g, "-");

/**
 * References to images: `test:17`, `seed:3` for a sample, `code:…` and `pixels:…` for their packed values, `mean`.
 *
 * A sample and a picture of the user's are followed by their condition, where a model has conditions: `seed:3;7`.
 */
export const reference = {
  test: (index) => `test:${index}`,
  seed: (seed, condition) => `seed:${seed}${condition ? `;${condition}` : ""}`,
  code: async (code) => `code:${await pack(new Uint8Array(code.buffer, code.byteOffset, code.byteLength))}`,
  pixels: async (pixels, condition) => `pixels:${await pack(pixels)}${condition ? `;${condition}` : ""}`,
};

/** Longest reference that is kept in the address. */
const LONGEST = 60_000;

/** What the address keeps of a reference; a large picture would make it too long. */
export const kept = (text) => (text.length > LONGEST ? null : text);

/**
 * Find what a reference means.
 *
 * @param {Model} model
 * @param {string} text
 * @param {string} [part] of the gallery
 * @returns {Promise<Start>}
 */
export async function startOf(model, text, part = model.part) {
  const [kind, rest = ""] = split(text, ":");
  const start = { reference: text, title: "", pixels: null, code: null, condition: null };
  if (kind === "test") {
    const index = Number.parseInt(rest, 10);
    if (!model.gallery || !(index >= 0 && index < model.gallery.count))
      throw new Error(`There is no test image ${rest}.`);
    const images = await model.gallery.images(part);
    start.pixels = nth(images, shapeOf(model, part), index);
    start.title = `Test image ${index}${nameOf(model, index)}`;
    if (part === model.part) start.condition = await conditionOfTest(model, index);
  } else if (kind === "pixels") {
    const [data, condition = null] = split(rest, ";");
    start.pixels = await unpack(data);
    start.title = "Your image";
    start.condition = condition;
    if (start.pixels.length !== sizeOf(shapeOf(model, part)))
      throw new Error("The address holds an image of another shape.");
  } else if (kind === "code") {
    const { buffer } = await unpack(rest);
    if (buffer.byteLength !== 4 * model.codeSize) throw new Error("The address holds a code from another model.");
    start.code = new Float32Array(buffer);
    start.title = "A code";
  } else if (kind === "seed") {
    const [seed, condition = usualCondition(model)] = split(rest, ";");
    const asked = { count: 1, seed: Number.parseInt(seed, 10) || 0 };
    start.code = await backend.draw(model.key, asked, await conditionValue(model, condition));
    start.title = `Sample of seed ${seed}`;
    start.condition = condition;
  } else if (kind === "mean") {
    start.code = meanCode(model);
    start.title = "The mean code";
  } else throw new Error(`The address holds an invalid image: ${text.slice(0, 40)}`);
  return start;
}

/** The middle of a model's codes. */
export const meanCode = ({ about, codeSize }) => new Float32Array(about.units?.mean ?? about.map?.mean ?? codeSize);

/** The code of a start; encoded under its own condition. */
export async function codeOf(model, start) {
  if (start.code) return start.code;
  const [kind, rest] = split(start.reference, ":");
  const codes = kind === "test" && model.about.flat ? await model.gallery.codes() : null;
  if (codes) return nth(codes, [model.codeSize, 1, 1], Number(rest));
  return backend.encode(model.key, start.pixels, await conditionValue(model, start.condition));
}

/** The condition of a test image, as a text: a class `7`, attributes `0110`, an image `test:3`; null for none. */
export async function conditionOfTest({ about, gallery }, index) {
  const kind = about.condition?.kind;
  if (!kind) return null;
  if (kind === "image") return `test:${index}`;
  const all = await gallery.conditions();
  const each = all.length / gallery.count;
  const values = [...all.subarray(index * each, (index + 1) * each)];
  return kind === "classes" ? String(values[0]) : values.map((value) => (value > 0.5 ? 1 : 0)).join("");
}

/**
 * The value that a text stands for.
 *
 * @returns {Promise<import("./served.js").ConditionValue>}
 */
export async function conditionValue(model, text) {
  const kind = model.about.condition?.kind;
  if (!kind || text === null) return null;
  if (kind === "classes") return Number.parseInt(text, 10) || 0;
  if (kind === "attributes") return [...text].map(Number);
  return (await startOf(model, text, "source")).pixels;
}

/** The condition where nothing is said. */
export function usualCondition({ about }) {
  const kind = about.condition?.kind;
  if (kind === "classes") return "0";
  if (kind === "attributes") return (about.condition.usual ?? about.condition.names.map(() => 0)).join("");
  return kind === "image" ? "test:0" : null;
}

/** Where a panel begins when nothing is chosen. */
export const firstReference = (model, index = 0) =>
  model.gallery && model.about.can.encode
    ? reference.test(index)
    : model.about.can.draw
      ? reference.seed(index + 1)
      : "mean";

/** Shape of images of a part of the gallery. */
export const shapeOf = (model, part = model.part) => model.about.gallery?.shapes[part] ?? model.shape;

/** The class of a test image, in brackets. */
export function nameOf({ about, gallery }, index) {
  const label = gallery.labels?.[index];
  return label == null ? "" : ` (${about.gallery.class_names[label] ?? label})`;
}

function split(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
