/** Translation: an image of one domain, chosen, uploaded or drawn, beside what it becomes in the other. */

import { backend } from "genlab/backend.js";
import { choice, group, integer, picture } from "genlab/controls.js";
import { h } from "genlab/dom.js";
import { imageChooser } from "genlab/images.js";
import { latest } from "genlab/latest.js";
import { kept, reference } from "genlab/model.js";
import { nth, paint } from "genlab/paint.js";
import { sketchPad } from "genlab/sketch.js";
import { keep, LARGEST_SEED, oneOf, setting, whole } from "genlab/state.js";
import { attempt, say } from "genlab/status.js";

export const title = "Translation";

export const offered = ({ translation, gallery }) => translation !== null && gallery !== null;

/** Colours to draw with where the data have no palette. */
const USUAL = [
  [0, 0, 0],
  [255, 255, 255],
  [128, 128, 128],
  [220, 60, 50],
  [50, 150, 70],
  [40, 90, 200],
];

/** Build the panel; see `app.js`. */
export function show(model) {
  const { about, key, gallery } = model;
  const { directions, parts, palette } = about.translation;
  const names = Object.keys(directions);
  const first = parts[names[0]].start;
  const set = { direction: oneOf("direction", names), seed: whole("seed", 0, 0, LARGEST_SEED) };
  const start = () => parts[set.direction].start;
  const shape = () => about.gallery.shapes[start()];
  let truth = null;

  const output = picture({ title: "Translation", file: () => `${model.file}-${set.direction}.png` });
  const back = picture({ title: "And back again", file: () => `${model.file}-back.png` });
  const real = picture({ title: "The true target", file: () => `${model.file}-target.png` });
  const input = h("div", { class: "input" });
  const tools = h("div");
  const chooserPlace = h("div");
  let pad = null;

  const follow = latest(async () => {
    const made = await backend.translate(
      key,
      pad.pixels(),
      shape(),
      { direction: set.direction, seed: set.seed },
      "translation",
    );
    paint(output.canvas, made.pixels, made.shape);
    const { start: begun, end } = parts[set.direction];
    const inverse = names.find((name) => parts[name].start === end && parts[name].end === begun);
    back.hidden = !inverse;
    if (!inverse) return;
    const again = await backend.translate(key, made.pixels, made.shape, { direction: inverse, seed: set.seed }, "back");
    paint(back.canvas, again.pixels, again.shape);
  });

  /** Keep a drawing in the address. */
  const remember = () =>
    attempt(async () => {
      tellTruth(null);
      chooser.tell("Your drawing", pad.pixels());
      const text = await reference.pixels(pad.pixels());
      keep({ image: kept(text) });
      if (!kept(text)) say("This picture is too large for a link, which will not show it.");
    });

  function tellTruth(index) {
    const part = parts[set.direction].truth;
    truth = part && index !== null ? { part, index } : null;
    real.hidden = truth === null;
    if (truth) {
      return attempt(async () => {
        const images = await gallery.images(part);
        paint(real.canvas, nth(images, about.gallery.shapes[part], index), about.gallery.shapes[part]);
      });
    }
  }

  let chooser = null;
  function take(chosen) {
    pad.load(chosen.pixels);
    const [kind, index] = chosen.reference.split(":");
    tellTruth(kind === "test" ? Number(index) : null);
    follow();
  }

  /** Set out the input of a direction. */
  function begin(text) {
    const part = start();
    const [channels] = shape();
    const isDrawing = palette !== null && part === first;
    const colours = isDrawing ? palette : channels === 1 ? USUAL.slice(0, 3) : USUAL;
    pad = sketchPad({
      label: "Image to translate",
      shape: shape(),
      palette: colours,
      oninput: (event) => follow(null, event),
      onchange: remember,
    });
    const figure = picture({ title: "Input: draw on it", canvas: pad.canvas, file: () => `${model.file}-input.png` });
    pad.canvas.after(pad.cursor);
    chooser = imageChooser(model, {
      label: "Image to translate",
      part,
      onchange(chosen) {
        keep({ image: kept(chosen.reference) });
        take(chosen);
      },
    });
    input.replaceChildren(figure);
    tools.replaceChildren(pad.tools);
    chooserPlace.replaceChildren(chooser);
    attempt(async () => take(await chooser.set(text)));
  }

  const controls = group(
    null,
    names.length > 1
      ? choice({
          label: "Direction",
          options: names.map((value) => ({ value, label: `${parts[value].start} → ${parts[value].end}` })),
          value: set.direction,
          onchange(direction) {
            set.direction = direction;
            keep({ direction, image: null });
            begin(reference.test(0));
          },
        })
      : null,
    chooserPlace,
    group("Sketch pad", tools),
    integer({
      label: "Seed of the model's noise",
      min: 0,
      max: LARGEST_SEED,
      value: set.seed,
      onchange(seed) {
        set.seed = seed;
        keep({ seed });
        follow();
      },
    }),
  );
  begin(setting("image", reference.test(0)));
  return { controls, view: h("div", { class: "beside" }, input, output, real, back) };
}
