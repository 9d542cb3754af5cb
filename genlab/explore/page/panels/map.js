/** Map of codes: test images as points, and what the model decodes at any place. */

import { backend } from "genlab/backend.js";
import { conditionControl } from "genlab/conditions.js";
import { button, group, picture, plain, select, toggle } from "genlab/controls.js";
import { h } from "genlab/dom.js";
import { latest } from "genlab/latest.js";
import { conditionValue, nameOf, reference, shapeOf, usualCondition } from "genlab/model.js";
import { colourOf, nth, paint, paintGrid, savePng } from "genlab/paint.js";
import { Plot } from "genlab/plot.js";
import { keep, number, setting } from "genlab/state.js";
import { attempt } from "genlab/status.js";
import { dot, joined, plus } from "genlab/vectors.js";

export const title = "Map";

export const offered = ({ map, can }) => Boolean(map) && can.decode;

/** Decoded images along a side of the manifold. */
const SIDE = 20;

/** Build the panel; see `app.js`. */
export function show(model, page) {
  const { about, key, shape, gallery } = model;
  const { map } = about;
  const mean = Float32Array.from(map.mean);
  const basis = map.basis.map((axis) => Float32Array.from(axis));
  const names = map.axes === "pca" ? ["first principal component", "second principal component"] : ["unit 0", "unit 1"];
  const [left, right, bottom, top] = map.extent;
  const at = { x: number("x", 0, left, right), y: number("y", 0, bottom, top) };
  const digits = Math.max(2, 2 - Math.floor(Math.log10(map.extent[1] - map.extent[0])));
  const place = () => `${plain(at.x, digits)}, ${plain(at.y, digits)}`;
  let condition = setting("condition", usualCondition(model));

  const codeAt = (x, y) => plus(plus(mean, basis[0], x), basis[1], y);
  const decoded = picture({
    title: "Decoded",
    file: () => `${model.file}-map-${at.x.toFixed(digits)}-${at.y.toFixed(digits)}.png`,
  });
  const nearest = picture({ title: "Nearest test image", size: "small", file: () => `${model.file}-nearest.png` });
  const tip = h("div", { class: "tip", hidden: true }, h("canvas"), h("span"));
  const plot = new Plot({
    label: "Map of codes. Arrow keys move the point, with shift farther.",
    extent: map.extent,
    axes: names,
    onmove: move,
    onhover: hover,
    signal: page.signal,
  });
  let images = null;

  const follow = latest(async () => {
    const code = codeAt(at.x, at.y);
    paint(decoded.canvas, await backend.decode(key, code, await conditionValue(model, condition), "map"), shape);
    decoded.tell(`Decoded at ${place()}`);
    tellNearest();
  });

  function move(x, y, event) {
    Object.assign(at, { x, y });
    plot.moveTo(x, y);
    follow(null, event);
    keep({ x: x.toFixed(digits + 1), y: y.toFixed(digits + 1) });
  }

  let told = null;
  function tellNearest() {
    const index = images && plot.nearest(at.x, at.y);
    nearest.hidden = index === null;
    if (index === null || index === told) return;
    told = index;
    paint(nearest.canvas, nth(images, shapeOf(model), index), shapeOf(model));
    nearest.tell(`Nearest: test image ${index}${nameOf(model, index)}`);
  }

  function hover(index, left, top) {
    tip.hidden = index === null || !images;
    if (tip.hidden) return;
    paint(tip.firstChild, nth(images, shapeOf(model), index), shapeOf(model));
    tip.lastChild.textContent = `${index}${nameOf(model, index)}`;
    tip.style.transform = `translate(${left}px, ${top}px)`;
  }

  /** Decode a lattice behind the points. */
  async function drawManifold(shown) {
    keep({ manifold: shown ? 1 : 0 });
    if (!shown) return plot.setBackground(null);
    const centre = (i, low, high) => low + ((i + 0.5) / SIDE) * (high - low);
    const codes = [];
    for (let row = 0; row < SIDE; row += 1) {
      for (let column = 0; column < SIDE; column += 1)
        codes.push(codeAt(centre(column, left, right), centre(row, top, bottom)));
    }
    const canvas = h("canvas");
    const images = await backend.decode(key, joined(codes), await conditionValue(model, condition));
    paintGrid(canvas, images, shape, SIDE, 0);
    plot.setBackground(canvas);
  }

  const colourings = gallery ? colouringsOf(about.gallery) : [];
  let colouring = colourings.find(({ value }) => value === setting("colour")) ?? mostEven(colourings);
  let places = [];

  function drawPoints() {
    plot.setPoints(
      places.map(([x, y], i) => ({ x, y, label: colouring?.labels[i], colour: colourOf(colouring?.labels[i] ?? 0) })),
    );
  }
  async function placePoints() {
    if (!gallery || !about.can.encode) return;
    const codes = await gallery.codes();
    for (let i = 0; i < gallery.count; i += 1) {
      const offset = plus(codes.subarray(i * mean.length, (i + 1) * mean.length), mean, -1);
      places.push([dot(offset, basis[0]), dot(offset, basis[1])]);
    }
    drawPoints();
    images = await gallery.images(model.part);
    tellNearest();
  }

  const legend = h("div");
  function drawLegend() {
    plot.highlight(null);
    legend.replaceChildren(colouring ? classLegend(colouring.names, (label) => plot.highlight(label)) : "");
  }
  drawLegend();
  const colours = select({
    label: "Colour by",
    options: colourings,
    value: colouring?.value,
    onchange(value) {
      colouring = colourings.find((each) => each.value === value);
      keep({ colour: value });
      drawLegend();
      drawPoints();
    },
  });
  colours.hidden = colourings.length < 2;
  const backdrop = toggle({
    label: map.manifold ? "Manifold behind the points" : "Decoded images behind the points",
    value: number("manifold", map.manifold ? 1 : 0) === 1,
    onchange: (shown) => attempt(() => drawManifold(shown)),
  });
  const conditions = conditionControl(model, {
    text: condition,
    label: "Decode as class",
    onchange(text) {
      condition = text;
      keep({ condition });
      follow(null);
      if (backdrop.querySelector("input").checked) attempt(() => drawManifold(true));
    },
  });
  const here = async () => ({ from: await reference.code(codeAt(at.x, at.y)), ...(condition ? { condition } : {}) });
  const uses = [
    { panel: "sliders", label: "Change with sliders" },
    { panel: "attributes", label: "Change attributes" },
  ].filter(({ panel }) => page.offers(panel));

  const controls = group(
    null,
    h(
      "p",
      { class: "hint" },
      "Click or drag anywhere: the model decodes the code at that place. Arrow keys move the point.",
    ),
    conditions,
    colours,
    legend,
    backdrop,
    h(
      "div",
      { class: "row" },
      ...uses.map(({ panel, label }) => button(label, () => attempt(async () => page.goTo(panel, await here())))),
      button("Download map as PNG", () => savePng(plot.flattened(), `${model.file}-map.png`)),
    ),
  );
  const view = h(
    "div",
    { class: "map" },
    h("div", { class: "plot" }, plot.element, tip),
    h("div", { class: "found" }, decoded, nearest),
  );

  plot.moveTo(at.x, at.y);
  follow(null);
  attempt(placePoints);
  if (backdrop.querySelector("input").checked) attempt(() => drawManifold(true));
  return { controls, view };
}

/** What test images can be coloured by: their classes, and each attribute. */
function colouringsOf({ labels, class_names, attributes, attribute_names }) {
  const classes = labels ? [{ value: "class", label: "Class", names: class_names, labels }] : [];
  const each = attribute_names.map((name, i) => ({
    value: name,
    label: name.replaceAll("_", " "),
    names: ["without", "with"],
    labels: attributes?.map((bits) => Number(bits[i])),
  }));
  return [...classes, ...(attributes ? each : [])];
}

/** Classes, or the attribute that most nearly half of the images have. */
function mostEven(colourings) {
  const unevenness = ({ value, names, labels }) =>
    value === "class" ? -1 : Math.abs(labels.reduce((sum, label) => sum + label, 0) / labels.length - 1 / names.length);
  return colourings.toSorted((a, b) => unevenness(a) - unevenness(b))[0] ?? null;
}

/** Classes with their colours; pressing one dims the others. */
function classLegend(names, onchange) {
  let chosen = null;
  const buttons = names.map((name, label) => {
    const swatch = h("i", { "aria-hidden": "true" });
    swatch.style.background = colourOf(label);
    return h("button", { type: "button", "aria-pressed": "false", onclick: () => press(label) }, swatch, name);
  });
  function press(label) {
    chosen = chosen === label ? null : label;
    for (const [index, each] of buttons.entries()) each.setAttribute("aria-pressed", String(index === chosen));
    onchange(chosen);
  }
  return h("fieldset", { class: "legend" }, h("legend", {}, "Highlight"), h("div", {}, ...buttons));
}
