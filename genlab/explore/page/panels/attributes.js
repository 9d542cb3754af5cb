/** Attributes: a slider for each, which adds its vector to a code. */

import { button, group, signed, slider } from "genlab/controls.js";
import { h, newId } from "genlab/dom.js";
import { editor } from "genlab/editing.js";
import { keep, pairs, written } from "genlab/state.js";
import { say } from "genlab/status.js";
import { plus } from "genlab/vectors.js";

export const title = "Attributes";

export const offered = ({ flat, can, attributes }) => flat && can.decode && attributes.length > 0;

/** Attributes beyond which the list can be searched. */
const MANY = 12;
/** Strength 1 leads from the mean of images without an attribute to the mean of those with it. */
const REACH = 3;

/** Build the panel; see `app.js`. */
export function show(model) {
  const { attributes } = model.about;
  const strengths = pairs("strengths", REACH);
  for (const attribute of strengths.keys()) if (!attributes.includes(attribute)) strengths.delete(attribute);
  const known = new Set();

  /** The vector of an attribute; to learn it from images takes a moment. */
  async function vectorOf(attribute) {
    if (known.has(attribute)) return model.attribute(attribute);
    say(`Learning “${attribute.replaceAll("_", " ")}” from labelled images …`);
    const vector = await model.attribute(attribute);
    known.add(attribute);
    say("");
    return vector;
  }
  const edited = editor(model, {
    file: `${model.file}-attributes`,
    async edit(code) {
      let result = code.slice();
      for (const [attribute, strength] of strengths) result = plus(result, await vectorOf(attribute), strength);
      return result;
    },
  });

  const write = () => keep({ strengths: written(strengths) });
  const order = attributes.toSorted((a, b) => strengths.has(b) - strengths.has(a));
  const sliders = order.map((attribute) =>
    slider({
      label: attribute.replaceAll("_", " "),
      min: -REACH,
      max: REACH,
      step: 0.01,
      value: strengths.get(attribute) ?? 0,
      format: signed,
      oninput(value, event) {
        if (value) strengths.set(attribute, value);
        else strengths.delete(attribute);
        edited.changed(event);
        write();
      },
    }),
  );
  function reset() {
    strengths.clear();
    for (const each of sliders) each.set(0);
    write();
    edited.changed();
  }
  const id = newId("filter");
  const filter = h("input", {
    id,
    type: "search",
    placeholder: "smiling, glasses …",
    oninput: () => search(filter.value),
  });
  function search(text) {
    const words = text.toLowerCase().split(/\s+/);
    for (const [index, each] of sliders.entries()) {
      const label = order[index].replaceAll("_", " ").toLowerCase();
      each.hidden = !words.every((word) => label.includes(word));
    }
  }
  const controls = h(
    "div",
    {},
    edited.controls,
    group(
      null,
      h("div", { class: "row" }, h("h3", {}, "Strengths"), button("Reset", reset)),
      h("p", { class: "hint" }, "1 leads from the mean of images without an attribute to the mean of those with it."),
      attributes.length > MANY
        ? h("div", { class: "field" }, h("label", { for: id }, "Find an attribute"), filter)
        : null,
      h("div", { class: "sliders" }, ...sliders),
    ),
  );
  return { controls, view: edited.view };
}
