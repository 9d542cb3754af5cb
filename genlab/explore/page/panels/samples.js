/** Samples: a grid of images, or lines of text, drawn from the prior. */

import { backend } from "genlab/backend.js";
import { conditionControl } from "genlab/conditions.js";
import { button, choice, group, integer, picture, plain, slider } from "genlab/controls.js";
import { h } from "genlab/dom.js";
import { latest } from "genlab/latest.js";
import { conditionValue, meanCode, reference, usualCondition } from "genlab/model.js";
import { nth, paint, paintGrid, savePng, sizeOf } from "genlab/paint.js";
import { keep, LARGEST_SEED, number, oneOf, setting, whole } from "genlab/state.js";
import { attempt } from "genlab/status.js";
import { howToSample, stepControls } from "genlab/stepwise.js";
import { joined, tempered } from "genlab/vectors.js";

export const title = "Samples";

export const offered = ({ can, flat, priors }) => can.sample || (flat && can.decode && priors.length > 0);

const COUNTS = ["1", "16", "36", "64", "100"];
/** Samples at first; fewer in steps, which take longer. */
const [MANY, FEW] = ["36", "16"];
const PER_CLASS = 10;
/** Largest temperature; of styles, whose temperature is their truncation, 1 leaves them as they are. */
const HOTTEST = 1.5;
const PRIORS = { own: "The model's", gaussian: "Gaussian", gmm: "Mixture" };
/** Where a sample can be taken to. */
const USES = [
  { panel: "sliders", label: "Change with sliders", setting: "from" },
  { panel: "attributes", label: "Change attributes", setting: "from" },
  { panel: "interpolation", label: "Interpolate", setting: "a" },
];

/** Build the panel; see `app.js`. */
export function show(model, page) {
  const { about, key, shape } = model;
  const byCode = about.flat && about.can.decode && about.priors.length > 0;
  const classes = byCode && about.condition?.kind === "classes" ? about.condition.names : null;
  const hottest = about.styles ? 1 : HOTTEST;
  const set = {
    count: oneOf("count", COUNTS, about.steps ? FEW : MANY),
    seed: whole("seed", 0, 0, LARGEST_SEED),
    temperature: number("temperature", 1, 0, hottest),
    prior: oneOf("prior", about.priors),
    condition: setting("condition", classes ? "each" : usualCondition(model)),
    chosen: whole("chosen", 0, 0),
  };
  const how = howToSample(about);
  const each = () => classes !== null && set.condition === "each";
  let codes = null;
  let images = null;

  const grid = h("div", { class: "tiles samples" });
  const large = picture({ title: "Sample", file: () => `${model.file}-sample-${set.seed}-${set.chosen}.png` });
  const way = picture({ title: "From noise to image", file: () => `${model.file}-way-${set.seed}-${set.chosen}.png` });
  way.classList.add("strip");
  way.hidden = true;
  const view = h("div", { class: "split" }, grid, large);

  /** Sample anew; where only the temperature has changed, from the codes that are there. */
  const follow = latest(async (redraw) => {
    const count = each() ? PER_CLASS : Number(set.count);
    const condition = each() ? 0 : await conditionValue(model, set.condition);
    if (!byCode) {
      const drawn = await backend.sample(key, { count, seed: set.seed, ...how }, condition);
      if (drawn.texts)
        return view.replaceChildren(h("ol", { class: "texts" }, ...drawn.texts.map((text) => h("li", {}, text))));
      images = drawn.pixels;
      return tile();
    }
    if (redraw || !codes) codes = await backend.draw(key, { count, seed: set.seed, prior: set.prior }, condition);
    const warm = tempered(codes, meanCode(model), set.temperature);
    const conditions = each() ? classes.map((_, label) => label) : [condition];
    const rows = [];
    for (const value of conditions) rows.push(await backend.decode(key, warm, value, "samples"));
    images = joined(rows);
    return tile();
  });

  function tile() {
    const count = images.length / sizeOf(shape);
    set.chosen = Math.min(set.chosen, count - 1);
    grid.style.setProperty("--columns", each() ? PER_CLASS : Math.sqrt(count));
    while (grid.childElementCount > count) grid.lastElementChild.remove();
    while (grid.childElementCount < count) {
      const index = grid.childElementCount;
      const onclick = () => choose(index);
      grid.append(h("button", { type: "button", class: "tile", onclick }, h("canvas", { "aria-hidden": "true" })));
    }
    for (const [index, tile] of [...grid.children].entries()) {
      paint(tile.firstChild, nth(images, shape, index), shape);
      tile.setAttribute("aria-label", nameOf(index));
    }
    choose(set.chosen);
  }

  const nameOf = (index) =>
    each() ? `Class ${classes[Math.floor(index / PER_CLASS)]}, sample ${index % PER_CLASS}` : `Sample ${index}`;

  function choose(index) {
    set.chosen = index;
    keep({ chosen: index || null });
    for (const [other, tile] of [...grid.children].entries())
      tile.setAttribute("aria-pressed", String(other === index));
    paint(large.canvas, nth(images, shape, index), shape);
    large.tell(nameOf(index));
    way.hidden = true;
  }

  /** Show what the chosen sample was on its way from noise. */
  async function showWay() {
    const asked = { count: set.count, seed: set.seed, chosen: set.chosen, ...how };
    const moments = await backend.way(key, asked, await conditionValue(model, set.condition));
    if (asked.seed !== set.seed || asked.chosen !== set.chosen) return;
    paintGrid(way.canvas, moments, shape, moments.length / sizeOf(shape));
    way.tell(`${nameOf(set.chosen)}, from noise to image`);
    way.hidden = false;
  }

  const change = (changes, event, redraw = true) => {
    Object.assign(set, changes);
    keep(changes);
    counts.hidden = each();
    follow(redraw, event);
  };

  /** Take the chosen sample to another panel. */
  async function take(use) {
    const index = each() ? set.chosen % PER_CLASS : set.chosen;
    const condition = each() ? String(Math.floor(set.chosen / PER_CLASS)) : set.condition;
    const start = byCode ? await reference.code(codeAt(index)) : await reference.pixels(nth(images, shape, index), condition);
    page.goTo(use.panel, { [use.setting]: start, ...(condition ? { condition } : {}) });
  }
  const codeAt = (index) =>
    tempered(codes, meanCode(model), set.temperature).slice(index * model.codeSize, (index + 1) * model.codeSize);
  const uses = byCode || about.can.encode ? USES.filter(({ panel }) => page.offers(panel)) : [];
  large.append(
    h(
      "div",
      { class: "row" },
      ...uses.map((use) => button(use.label, () => attempt(() => take(use)))),
      about.steps ? button("From noise to image", () => attempt(showWay)) : null,
    ),
  );

  function saveAll() {
    const canvas = h("canvas");
    paintGrid(canvas, images, shape, each() ? PER_CLASS : Math.ceil(Math.sqrt(images.length / sizeOf(shape))));
    savePng(canvas, `${model.file}-samples-${set.seed}.png`);
  }

  const seed = integer(
    { label: "Seed", min: 0, max: LARGEST_SEED, value: set.seed, onchange: (value) => change({ seed: value }) },
    button(
      "New samples",
      () => {
        const value = Math.floor(Math.random() * (LARGEST_SEED + 1));
        seed.set(value);
        change({ seed: value });
      },
      { class: "primary" },
    ),
  );
  const temperature = slider({
    label: about.styles ? "Truncation" : "Temperature",
    min: 0,
    max: hottest,
    step: 0.01,
    value: set.temperature,
    format: plain,
    oninput: (value, event) => change({ temperature: value }, event, false),
  });
  const counts = choice({
    label: "Number of samples",
    options: COUNTS.map((value) => ({ value, label: value })),
    value: set.count,
    onchange: (count) => change({ count }),
  });
  const priors = about.priors.map((value) => ({ value, label: PRIORS[value] ?? value }));
  const controls = group(
    null,
    seed,
    conditionControl(model, {
      text: set.condition,
      each: classes !== null,
      onchange: (condition) => change({ condition }),
    }),
    counts,
    byCode && priors.length > 1
      ? choice({ label: "Prior", options: priors, value: set.prior, onchange: (prior) => change({ prior }) })
      : null,
    byCode ? temperature : null,
    ...stepControls(model, how, (changes, event) => {
      Object.assign(how, changes);
      change(changes, event);
    }),
    button("Download all as PNG", saveAll),
  );
  counts.hidden = each();
  follow(true);
  return { controls, view: about.steps ? h("div", { class: "stack" }, view, way) : view };
}
