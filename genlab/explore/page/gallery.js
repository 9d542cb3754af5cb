/** A dialog with test images to choose from. */

import { button, select } from "genlab/controls.js";
import { h } from "genlab/dom.js";
import { nameOf, shapeOf } from "genlab/model.js";
import { nth, paint } from "genlab/paint.js";

/** Test images that are shown at once. */
const PAGE = 120;

/**
 * Let the user pick a test image.
 *
 * @param {import("./model.js").Model} model
 * @param {object} settings
 * @param {string} [settings.part] of the gallery
 * @param {string} settings.title
 * @param {(index: number) => void} settings.onpick
 */
export async function pickTestImage(model, { part, title, onpick }) {
  const images = await model.gallery.images(part);
  const shape = shapeOf(model, part);
  const { labels } = model.gallery;
  const all = Array.from({ length: images.length / (shape[0] * shape[1] * shape[2]) }, (_, index) => index);
  const names = model.about.gallery.class_names;
  let shown = all;

  const tiles = h("div", { class: `tiles ${shape[2] > 100 ? "wide" : ""}` });
  const more = button("Show more", () => show(PAGE), { class: "quiet" });
  function show(count) {
    const from = tiles.childElementCount;
    for (const index of shown.slice(from, from + count)) {
      const canvas = h("canvas", { "aria-hidden": "true" });
      paint(canvas, nth(images, shape, index), shape);
      const label = `Test image ${index}${nameOf(model, index)}`;
      tiles.append(
        h(
          "button",
          { type: "button", class: "tile", title: label, "aria-label": label, onclick: () => pick(index) },
          canvas,
        ),
      );
    }
    more.hidden = tiles.childElementCount >= shown.length;
  }
  function pick(index) {
    dialog.close();
    onpick(index);
  }
  const filter = labels
    ? select({
        label: "Class",
        options: [{ value: "", label: "All" }, ...names.map((label, value) => ({ value, label }))],
        value: "",
        onchange: (value) => {
          shown = value === "" ? all : all.filter((index) => labels[index] === Number(value));
          tiles.replaceChildren();
          show(PAGE);
        },
      })
    : null;

  const dialog = h(
    "dialog",
    { "aria-label": `${title}: test images`, onclose: () => dialog.remove() },
    h(
      "header",
      {},
      h("h2", {}, `${title}: test images`),
      filter,
      button("Close", () => dialog.close(), { class: "quiet" }),
    ),
    tiles,
    more,
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  show(PAGE);
  dialog.showModal();
  tiles.firstElementChild?.focus();
}
