/** A control that chooses an image: a test image, a file, a sample. */

import { backend } from "genlab/backend.js";
import { button } from "genlab/controls.js";
import { h, newId } from "genlab/dom.js";
import { pickTestImage } from "genlab/gallery.js";
import { conditionValue, reference, shapeOf, startOf } from "genlab/model.js";
import { paint } from "genlab/paint.js";
import { attempt, say } from "genlab/status.js";

/**
 * @param {import("./model.js").Model} model
 * @param {object} settings
 * @param {string} settings.label
 * @param {string} [settings.part] of the gallery
 * @param {boolean} [settings.samples] whether a sample of the model can be chosen
 * @param {boolean} [settings.files] whether a test image or a file can be chosen
 * @param {() => string|null} [settings.condition] of a file, where a model has conditions
 * @param {(start: import("./model.js").Start) => void} settings.onchange
 * @returns {HTMLElement & {set: (reference: string) => Promise<import("./model.js").Start>, tell: (title: string, pixels: Uint8Array) => void}} `set` shows an image without a call
 */
export function imageChooser(
  model,
  { label, part = model.part, samples = false, files = true, condition = () => null, onchange },
) {
  const title = newId("chooser");
  const canvas = h("canvas", { class: "thumbnail", width: 1, height: 1, "aria-hidden": "true" });
  const told = h("span", { class: "told" });
  const file = h("input", { type: "file", accept: "image/*", "aria-label": `${label}: upload an image` });
  file.addEventListener("change", () => file.files[0] && upload(file.files[0]));

  async function set(text) {
    const start = await startOf(model, text, part);
    start.pixels ??= await backend.decode(model.key, start.code, await conditionValue(model, condition()));
    tell(start.title, start.pixels);
    return start;
  }
  function tell(name, pixels) {
    paint(canvas, pixels, shapeOf(model, part));
    told.textContent = name;
  }
  const choose = (text) => attempt(async () => onchange(await set(text)));
  const pick = (index) => choose(reference.test(index));

  function upload(blob) {
    file.value = "";
    attempt(async () => {
      const pixels = await backend.frame(model.key, blob, part);
      say("");
      onchange(await set(await reference.pixels(pixels, condition())));
    });
  }

  const element = h(
    "div",
    { class: "chooser", role: "group", "aria-labelledby": title },
    canvas,
    h("div", {}, h("strong", { id: title }, label), told),
    h(
      "div",
      { class: "row" },
      files && model.gallery
        ? button("Test image", () => attempt(() => pickTestImage(model, { part, title: label, onpick: pick })))
        : null,
      files ? h("label", { class: "button" }, "Upload", file) : null,
      samples
        ? button("Sample", () => choose(reference.seed(1 + Math.floor(Math.random() * 99_999), condition())))
        : null,
    ),
  );
  if (files) {
    element.addEventListener("dragover", (event) => event.preventDefault());
    element.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files[0]) upload(event.dataTransfer.files[0]);
    });
  }
  return Object.assign(element, { set, tell });
}
