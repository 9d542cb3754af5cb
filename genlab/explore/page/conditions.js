/** Controls of conditions: classes, attributes, images. */

import { choice, group, select, toggle } from "genlab/controls.js";
import { h } from "genlab/dom.js";
import { imageChooser } from "genlab/images.js";
import { complain } from "genlab/status.js";

/** Most classes that are shown beside each other. */
const FEW = 12;

/**
 * Controls of a condition; null for models without.
 *
 * @param {import("./model.js").Model} model
 * @param {object} settings
 * @param {string} settings.text
 * @param {string} [settings.label] of classes
 * @param {boolean} [settings.each] whether "each class" can be chosen: the text "each"
 * @param {(text: string) => void} settings.onchange
 * @returns {null|(HTMLElement & {set: (text: string) => void})}
 */
export function conditionControl(model, { text, label = "Class", each = false, onchange }) {
  const { condition } = model.about;
  if (!condition) return null;
  if (condition.kind === "classes") {
    const options = condition.names.map((name, value) => ({ value: String(value), label: name }));
    if (each) options.unshift({ value: "each", label: "Each" });
    return (options.length <= FEW ? choice : select)({ label, options, value: text, onchange });
  }
  if (condition.kind === "image") {
    const chooser = imageChooser(model, {
      label: "Condition",
      part: "source",
      onchange: (start) => onchange(start.reference),
    });
    chooser.set(text).catch(complain);
    return chooser;
  }
  const values = [...text].map(Number);
  const switches = condition.names.map((name, i) =>
    toggle({
      label: name.replaceAll("_", " "),
      value: values[i] === 1,
      onchange: (on) => {
        values[i] = on ? 1 : 0;
        onchange(values.join(""));
      },
    }),
  );
  const element = group("Attributes", h("div", { class: "switches" }, ...switches));
  element.set = (next) => {
    [...next].forEach((value, i) => {
      values[i] = Number(value);
      switches[i].set(value === "1");
    });
  };
  return element;
}
