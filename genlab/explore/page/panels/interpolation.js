/** Interpolation between two images, or four: a strip or square, and an animation. */

import { backend } from "genlab/backend.js";
import { conditionControl } from "genlab/conditions.js";
import { button, choice, group, picture, slider } from "genlab/controls.js";
import { calm, h } from "genlab/dom.js";
import { encodeGif } from "genlab/gif.js";
import { imageChooser } from "genlab/images.js";
import { latest } from "genlab/latest.js";
import { codeOf, conditionValue, firstReference, kept, usualCondition } from "genlab/model.js";
import { nth, paint, paintGrid, rgba, saveBlob } from "genlab/paint.js";
import { keep, oneOf, setting, whole } from "genlab/state.js";
import { attempt } from "genlab/status.js";
import { isSlow } from "genlab/stepwise.js";
import { along, evenly, joined, lerp, slerp, square } from "genlab/vectors.js";

export const title = "Interpolation";

export const offered = ({ real, can }) => real && can.decode && (can.encode || can.draw);

const WAYS = { lerp, slerp };
/** Pictures of the strip. */
const [FEWEST, MOST] = [3, 15];
/** Frames of the animation from each picture of the strip to the next: fewer where a model decodes in steps, slowly. */
const [SMOOTH, ROUGH] = [4, 1];
const SECONDS_PER_FRAME = 0.07;
/** Pixels of a window below which the strip takes two rows. */
const NARROW = 860;
/** Smallest side of a saved animation, in pixels. */
const GIF_SIDE = 256;
const CORNERS = [
  { name: "a", label: "Image A", index: 0 },
  { name: "b", label: "Image B", index: 1 },
  { name: "c", label: "Image C", index: 2 },
  { name: "d", label: "Image D", index: 3 },
];

/** Build the panel; see `app.js`. */
export function show(model, page) {
  const { about, key, shape } = model;
  const each = isSlow(about) ? ROUGH : SMOOTH;
  const set = {
    way: oneOf("way", Object.keys(WAYS), about.path),
    between: oneOf("between", ["two", "four"]),
    steps: whole("steps", 9, FEWEST, MOST),
    condition: setting("condition"),
  };
  /** Codes of the corners, by name. */
  const codes = {};
  let frames = [];
  let shown = 0;

  const strip = picture({ title: "From A to B", file: () => `${model.file}-interpolation.png` });
  strip.classList.add("strip");
  const film = picture({ title: "Animation", file: () => `${model.file}-frame-${shown}.png` });

  const follow = latest(async () => {
    const ends = CORNERS.slice(0, set.between === "two" ? 2 : 4).map(({ name }) => codes[name]);
    if (ends.some((code) => !code)) return;
    const way = WAYS[set.way];
    const fine = evenly((set.steps - 1) * each + 1);
    const condition = await conditionValue(model, set.condition);
    const decode = (all) => backend.decode(key, all, condition, "interpolation");
    if (set.between === "two") {
      const images = await decode(along(ends[0], ends[1], fine, way));
      frames = fine.map((_, i) => nth(images, shape, i));
      const tiles = joined(frames.filter((_, i) => i % each === 0));
      paintGrid(strip.canvas, tiles, shape, innerWidth < NARROW ? Math.ceil(set.steps / 2) : set.steps);
      strip.tell("From A to B");
    } else {
      const [a, b, c, d] = ends;
      paintGrid(strip.canvas, await decode(square(ends, set.steps, way)), shape, set.steps);
      const loop = [
        [a, b],
        [b, d],
        [d, c],
        [c, a],
      ].map(([from, to]) => along(from, to, fine.slice(0, -1), way));
      const images = await decode(joined(loop));
      frames = Array.from({ length: 4 * (fine.length - 1) }, (_, i) => nth(images, shape, i));
      strip.tell("Between A, B (top) and C, D (bottom)");
    }
    strip.classList.toggle("square", set.between === "four");
    position.setMax(frames.length - 1);
    draw(Math.min(shown, frames.length - 1));
  });

  function draw(index) {
    shown = index;
    paint(film.canvas, frames[index], shape);
    position.set(index);
  }

  let timer = 0;
  let forwards = true;
  /** Back and forth between two images; round and round between four. */
  function advance() {
    if (set.between === "four") return draw((shown + 1) % frames.length);
    if (shown >= frames.length - 1) forwards = false;
    if (shown <= 0) forwards = true;
    return draw(shown + (forwards ? 1 : -1));
  }
  function play(on) {
    clearInterval(timer);
    timer = on ? setInterval(() => frames.length > 1 && advance(), 1000 * SECONDS_PER_FRAME) : 0;
    playing.textContent = on ? "Pause" : "Play";
  }
  const playing = button("Play", () => play(!timer));
  page.signal.addEventListener("abort", () => clearInterval(timer));

  const position = slider({
    label: "Frame",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    format: (index) => String(index + 1),
    oninput(index) {
      play(false);
      draw(index);
    },
  });

  function saveGif() {
    const order = set.between === "two" ? [...frames, ...frames.slice(1, -1).reverse()] : frames;
    const scale = Math.max(1, Math.ceil(GIF_SIDE / Math.min(shape[1], shape[2])));
    const gif = encodeGif(
      order.map((pixels) => rgba(pixels, shape)),
      { delay: 100 * SECONDS_PER_FRAME, scale },
    );
    saveBlob(new Blob([gif], { type: "image/gif" }), `${model.file}-interpolation.gif`);
  }

  const change = (changes) => {
    Object.assign(set, changes);
    keep(changes);
    follow();
  };
  const choosers = CORNERS.map(({ name, label, index }) => {
    const chooser = imageChooser(model, {
      label,
      samples: about.can.draw,
      files: about.can.encode,
      condition: () => set.condition ?? usualCondition(model),
      async onchange(start) {
        keep({ [name]: kept(start.reference) });
        if (name === "a" && conditions && start.condition !== null) {
          set.condition = start.condition;
          keep({ condition: set.condition });
          await conditions.set(set.condition);
        }
        codes[name] = await codeOf(model, start);
        follow();
      },
    });
    chooser.begin = async () => {
      const start = await chooser.set(setting(name, firstReference(model, index)));
      codes[name] = await codeOf(model, start);
      return start;
    };
    return chooser;
  });
  /** The condition that all are decoded under: at first that of image A, and of another that is chosen for it. */
  const conditions = conditionControl(model, {
    text: set.condition ?? usualCondition(model),
    onchange: (condition) => change({ condition }),
  });
  const showCorners = () => choosers.slice(2).forEach((chooser) => (chooser.hidden = set.between === "two"));
  showCorners();

  const controls = group(
    null,
    choice({
      label: "Between",
      options: [
        { value: "two", label: "Two images" },
        { value: "four", label: "Four corners" },
      ],
      value: set.between,
      onchange(between) {
        set.between = between;
        showCorners();
        change({ between });
      },
    }),
    ...choosers,
    conditions,
    choice({
      label: "Path",
      options: [
        { value: "lerp", label: "Straight line (lerp)" },
        { value: "slerp", label: "Sphere (slerp)" },
      ],
      value: set.way,
      onchange: (way) => change({ way }),
    }),
    slider({
      label: "Pictures",
      min: FEWEST,
      max: MOST,
      step: 1,
      value: set.steps,
      format: String,
      oninput: (steps) => change({ steps }),
    }),
  );
  const save = button("Save as GIF", () => attempt(async () => saveGif()), { class: "primary" });
  const projector = h(
    "div",
    { class: "film" },
    film,
    h("div", {}, position, h("div", { class: "row" }, playing, save)),
  );
  attempt(async () => {
    const first = await choosers[0].begin();
    set.condition ??= first.condition ?? usualCondition(model);
    await conditions?.set(set.condition);
    for (const chooser of choosers.slice(1)) await chooser.begin();
    follow();
    play(!calm());
  });
  return { controls, view: h("div", { class: "stack" }, strip, projector) };
}
