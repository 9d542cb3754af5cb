/** Sliders: one for each unit of the code, or for each principal direction. */

import { button, choice, group, signed, slider } from "genlab/controls.js";
import { h } from "genlab/dom.js";
import { editor } from "genlab/editing.js";
import { keep, oneOf, pairs, written } from "genlab/state.js";
import { plus } from "genlab/vectors.js";

export const title = "Sliders";

export const offered = ({ flat, can, units, directions }) => flat && can.decode && Boolean(units || directions);

/** Sliders that are shown at first, and more with each press. */
const PAGE = 12;
/** How far sliders reach, in standard deviations. */
const REACH = 3;

/** Build the panel; see `app.js`. */
export function show(model) {
  const { units, directions } = model.about;
  const kinds = [
    ...(directions ? [{ value: "directions", label: "Principal directions" }] : []),
    ...(units ? [{ value: "units", label: "Single units" }] : []),
  ];
  let kind = oneOf(
    "by",
    kinds.map(({ value }) => value),
  );
  /** Changes in standard deviations, by number of unit or direction. */
  const changes = new Map([...pairs("changes", REACH)].map(([index, change]) => [Number(index), change]));
  const known = (kind === "units" ? units : directions).std;
  for (const index of changes.keys()) if (!(index in known)) changes.delete(index);

  const edited = editor(model, {
    file: `${model.file}-sliders`,
    edit(code) {
      let result = code.slice();
      for (const [index, change] of changes) {
        if (kind === "units") result[index] += change * units.std[index];
        else result = plus(result, directions.vectors[index], change * directions.std[index]);
      }
      return result;
    },
  });

  const list = h("div", { class: "sliders" });
  const more = button("More units", () => fill(list.childElementCount + PAGE), { class: "quiet" });

  function fill(count) {
    const order = kind === "units" ? units.order : directions.vectors.map((_, index) => index);
    for (const index of order.slice(list.childElementCount, count)) {
      list.append(
        slider({
          label: kind === "units" ? `Unit ${index}` : `Direction ${index}`,
          min: -REACH,
          max: REACH,
          step: 0.01,
          value: changes.get(index) ?? 0,
          format: (value) => `${signed(value)} σ`,
          oninput(value, event) {
            if (value) changes.set(index, value);
            else changes.delete(index);
            edited.changed(event);
            keep({ changes: written(changes) });
          },
        }),
      );
    }
    more.hidden = list.childElementCount >= order.length;
  }
  function reset() {
    changes.clear();
    keep({ changes: null });
    list.replaceChildren();
    fill(PAGE);
    edited.changed();
  }
  fill(PAGE);

  const controls = h(
    "div",
    {},
    edited.controls,
    group(
      null,
      kinds.length > 1
        ? choice({
            label: "Change",
            options: kinds,
            value: kind,
            onchange(value) {
              kind = value;
              keep({ by: value });
              reset();
            },
          })
        : null,
      h(
        "p",
        { class: "hint" },
        `σ is the standard deviation over ${model.about.can.encode ? "test images" : "samples"}; what varies most comes first.`,
      ),
      list,
      h("div", { class: "row" }, button("Reset", reset), more),
    ),
  );
  return { controls, view: edited.view };
}
