/** Reconstruction: an image, what the model makes of it, where they differ, and which test images are outliers. */

import { backend } from "genlab/backend.js";
import { conditionControl } from "genlab/conditions.js";
import { group, picture } from "genlab/controls.js";
import { h } from "genlab/dom.js";
import { histogram } from "genlab/chart.js";
import { imageChooser } from "genlab/images.js";
import { latest } from "genlab/latest.js";
import { conditionOfTest, conditionValue, kept, nameOf, reference, usualCondition } from "genlab/model.js";
import { differences, nth, paint, sizeOf, squaredError } from "genlab/paint.js";
import { keep, setting } from "genlab/state.js";
import { attempt } from "genlab/status.js";
import { isSlow } from "genlab/stepwise.js";

export const title = "Reconstruction";

export const offered = ({ can, gallery }) => can.reconstruct && gallery !== null;

/** Test images that are reconstructed at once. */
const BATCH = 100;
/** Images that are shown of either end. */
const SHOWN = 12;

/** Build the panel; see `app.js`. */
export function show(model, page) {
  const { key, shape, gallery } = model;
  const original = picture({ title: "Image", file: () => `${model.file}-image.png` });
  const result = picture({ title: "Reconstruction", file: () => `${model.file}-reconstruction.png` });
  const difference = picture({ title: "Error", file: () => `${model.file}-error.png` });
  let condition = setting("condition");
  let pixels = null;
  let error = null;
  let errors = null;

  const follow = latest(async () => {
    const value = await conditionValue(model, condition);
    const made = await backend.reconstruct(key, pixels, value);
    paint(original.canvas, pixels, shape);
    paint(result.canvas, made, shape);
    paint(difference.canvas, differences(pixels, made, shape), [3, shape[1], shape[2]]);
    error = squaredError(pixels, made);
    tell();
  });

  const verdict = h("p", { class: "verdict" });
  const chart = h("div");
  function tell() {
    if (error === null) return;
    difference.tell(`Mean squared error: ${error.toFixed(4)}`);
    if (!errors) return;
    const below = errors.filter((each) => each <= error).length / errors.length;
    verdict.textContent = `Its error ${error.toFixed(4)} is at least as large as that of ${Math.round(100 * below)} % of ${errors.length} test images.`;
    chart.replaceChildren(histogram(errors, { mark: error, label: "Mean squared error of test images" }));
  }

  function begin(start) {
    pixels = start.pixels;
    original.tell(start.title);
    follow();
  }
  const chooser = imageChooser(model, {
    label: "Image",
    condition: () => condition,
    onchange(start) {
      keep({ image: kept(start.reference) });
      adopt(start.condition);
      begin(start);
    },
  });
  const conditions = conditionControl(model, {
    text: condition ?? usualCondition(model),
    onchange(text) {
      condition = text;
      keep({ condition });
      follow();
    },
  });
  function adopt(text) {
    if (!conditions || text === null) return;
    condition = text;
    keep({ condition });
    conditions.set(text);
  }

  const lowest = h("div", { class: "tiles few" });
  const highest = h("div", { class: "tiles few" });
  const ranking = h(
    "div",
    { class: "ranking", hidden: true },
    h("h3", {}, "Largest errors: outliers"),
    highest,
    h("h3", {}, "Smallest errors"),
    lowest,
  );

  /** Reconstruct all test images, each under its own condition. */
  async function compare() {
    const images = await gallery.images(model.part);
    const groups = new Map();
    for (let i = 0; i < gallery.count; i += 1) {
      const text = await conditionOfTest(model, i);
      groups.set(text, [...(groups.get(text) ?? []), i]);
    }
    const found = new Array(gallery.count);
    for (const [text, indices] of groups) {
      for (let at = 0; at < indices.length && !page.signal.aborted; at += BATCH) {
        const some = indices.slice(at, at + BATCH);
        const batch = new Uint8Array(some.length * sizeOf(shape));
        some.forEach((index, i) => batch.set(nth(images, shape, index), i * sizeOf(shape)));
        const made = await backend.reconstruct(key, batch, await conditionValue(model, text));
        some.forEach((index, i) => (found[index] = squaredError(nth(batch, shape, i), nth(made, shape, i))));
      }
    }
    if (page.signal.aborted) return;
    errors = found;
    const order = found.map((_, index) => index).sort((a, b) => found[b] - found[a]);
    fill(highest, order.slice(0, SHOWN), images);
    fill(lowest, order.slice(-SHOWN).reverse(), images);
    ranking.hidden = false;
    tell();
  }

  function fill(tiles, indices, images) {
    for (const index of indices) {
      const canvas = h("canvas", { "aria-hidden": "true" });
      paint(canvas, nth(images, shape, index), shape);
      const label = `Test image ${index}${nameOf(model, index)}: ${errors[index].toFixed(4)}`;
      const onclick = () => attempt(async () => choose(reference.test(index)));
      tiles.append(
        h(
          "button",
          { type: "button", class: "tile", title: label, "aria-label": label, onclick },
          canvas,
          h("small", {}, errors[index].toFixed(3)),
        ),
      );
    }
  }
  async function choose(text) {
    const start = await chooser.set(text);
    keep({ image: text });
    adopt(start.condition);
    begin(start);
  }

  attempt(async () => {
    const start = await chooser.set(setting("image", reference.test(0)));
    condition ??= start.condition ?? usualCondition(model);
    conditions?.set(condition);
    begin(start);
    if (!isSlow(model.about)) await compare(); // which would take minutes, and tell more of steps than of images
  });
  const hint = h(
    "p",
    { class: "hint" },
    "Images that the model reconstructs badly are unlike those it was trained on.",
  );
  return {
    controls: group(null, chooser, conditions, isSlow(model.about) ? null : group("Outliers", hint, verdict, chart)),
    view: h("div", {}, h("div", { class: "triple" }, original, result, difference), ranking),
  };
}
