/** What sliders and attributes share: a start, its code, and what becomes of it. */

import { backend } from "genlab/backend.js";
import { conditionControl } from "genlab/conditions.js";
import { group, picture } from "genlab/controls.js";
import { h } from "genlab/dom.js";
import { imageChooser } from "genlab/images.js";
import { latest } from "genlab/latest.js";
import { codeOf, conditionValue, firstReference, kept, usualCondition } from "genlab/model.js";
import { paint } from "genlab/paint.js";
import { keep, setting } from "genlab/state.js";
import { attempt } from "genlab/status.js";

/**
 * Pictures of a start and of its changed code, with the controls to choose the start.
 *
 * @param {import("./model.js").Model} model
 * @param {object} settings
 * @param {string} settings.file how files of pictures begin
 * @param {(code: Float32Array) => Promise<Float32Array>|Float32Array} settings.edit changes the start's code
 * @returns {{controls: HTMLElement, view: HTMLElement, changed: (event?: Event) => void}}
 */
export function editor(model, { file, edit }) {
  const { key, shape } = model;
  const before = picture({ title: "Start", file: () => `${file}-start.png` });
  const after = picture({ title: "Changed", file: () => `${file}.png` });
  const view = h("div", { class: "pair follow" }, before, after);
  let condition = setting("condition");
  let code = null;

  const follow = latest(async () => {
    const changed = await edit(code);
    paint(after.canvas, await backend.decode(key, changed, await conditionValue(model, condition), "edit"), shape);
  });
  const changed = (event) => code && follow(null, event);

  async function begin(start) {
    code = await codeOf(model, start);
    paint(before.canvas, start.pixels, shape);
    before.tell(start.title);
    changed();
  }

  const conditions = conditionControl(model, {
    text: condition ?? usualCondition(model),
    onchange(text) {
      condition = text;
      keep({ condition });
      changed();
    },
  });
  const chooser = imageChooser(model, {
    label: "Start from",
    samples: model.about.can.draw,
    files: model.about.can.encode,
    condition: () => condition ?? usualCondition(model),
    onchange(start) {
      keep({ from: kept(start.reference) });
      adopt(start.condition);
      return begin(start);
    },
  });

  /** Decode under the condition of the start. */
  function adopt(text) {
    if (!conditions || text === null) return;
    condition = text;
    keep({ condition });
    return conditions.set(text);
  }

  attempt(async () => {
    const start = await chooser.set(setting("from", firstReference(model)));
    condition ??= start.condition ?? usualCondition(model);
    await conditions?.set(condition);
    await begin(start);
  });
  return { controls: group(null, chooser, conditions), view, changed };
}
