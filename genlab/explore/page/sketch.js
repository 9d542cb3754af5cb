/** A sketch pad: flat colours on the very pixels that a model gets. */

import { button, choice, slider } from "genlab/controls.js";
import { h } from "genlab/dom.js";
import { paint, pixelsOf } from "genlab/paint.js";

/** Steps that can be taken back. */
const MOST_UNDONE = 40;
const TOOLS = [
  { value: "brush", label: "Brush" },
  { value: "rectangle", label: "Rectangle" },
  { value: "fill", label: "Fill" },
];

/**
 * @param {object} settings
 * @param {string} settings.label
 * @param {[number, number, number]} settings.shape
 * @param {number[][]} settings.palette the first is the background
 * @param {(event: Event) => void} settings.oninput the picture has changed, while a stroke goes on too
 * @param {() => void} settings.onchange a stroke has ended
 */
export function sketchPad({ label, shape, palette, oninput, onchange }) {
  const [, height, width] = shape;
  const canvas = h("canvas", {
    class: "pad",
    width: 1,
    height: 1,
    tabindex: 0,
    role: "application",
    "aria-label": `${label}. Draw with the pointer, or move with arrow keys and press space.`,
  });
  const cursor = h("div", { class: "cursor", "aria-hidden": "true", hidden: true });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const undone = [];
  const set = { tool: "brush", colour: farthest(palette), size: Math.max(1, Math.round(Math.max(width, height) / 40)) };
  const at = { x: width >> 1, y: height >> 1 };
  /** The stroke that goes on: where it began, where it is, and what was there before. */
  let stroke = null;

  const css = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;
  const snapshot = () => context.getImageData(0, 0, width, height);

  function begin(x, y) {
    const before = snapshot();
    undone.push(before);
    if (undone.length > MOST_UNDONE) undone.shift();
    stroke = { x0: x, y0: y, x, y, before };
    context.fillStyle = css(palette[set.colour]);
    if (set.tool === "fill") flood(x, y);
    else draw(x, y);
  }
  function draw(x, y) {
    if (set.tool === "rectangle") {
      context.putImageData(stroke.before, 0, 0);
      const [left, top] = [Math.min(stroke.x0, x), Math.min(stroke.y0, y)];
      context.fillRect(left, top, Math.abs(x - stroke.x0) + 1, Math.abs(y - stroke.y0) + 1);
    } else if (set.tool === "brush") {
      const steps = Math.max(1, Math.abs(x - stroke.x), Math.abs(y - stroke.y));
      for (let i = 0; i <= steps; i += 1)
        dab(stroke.x + ((x - stroke.x) * i) / steps, stroke.y + ((y - stroke.y) * i) / steps);
    }
    Object.assign(stroke, { x, y });
  }
  function dab(x, y) {
    const offset = (set.size - 1) / 2;
    context.fillRect(Math.round(x - offset), Math.round(y - offset), set.size, set.size);
  }
  /** Fill the area of one colour around a place. */
  function flood(x, y) {
    const image = snapshot();
    const colours = new Uint32Array(image.data.buffer);
    const old = colours[y * width + x];
    context.fillRect(x, y, 1, 1);
    const next = new Uint32Array(context.getImageData(x, y, 1, 1).data.buffer)[0];
    if (old === next) return;
    const open = [y * width + x];
    while (open.length) {
      const place = open.pop();
      if (colours[place] !== old) continue;
      colours[place] = next;
      const column = place % width;
      if (column > 0) open.push(place - 1);
      if (column < width - 1) open.push(place + 1);
      if (place >= width) open.push(place - width);
      if (place < (height - 1) * width) open.push(place + width);
    }
    context.putImageData(image, 0, 0);
  }
  function end() {
    if (!stroke) return;
    stroke = null;
    onchange();
  }

  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    const inside = (value, size) => Math.min(size - 1, Math.max(0, Math.floor(value * size)));
    return [
      inside((event.clientX - box.left) / box.width, width),
      inside((event.clientY - box.top) / box.height, height),
    ];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    begin(...placeOf(event));
    oninput(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke || !(event.buttons & 1)) return;
    draw(...placeOf(event));
    oninput(event);
  });
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      if (!stroke) begin(at.x, at.y);
      else draw(at.x, at.y);
      if (set.tool !== "rectangle" || stroke.x !== stroke.x0 || stroke.y !== stroke.y0) end();
      oninput(event);
    } else if (MOVES[event.key]) {
      event.preventDefault();
      const step = event.shiftKey ? 8 : 1;
      at.x = Math.min(width - 1, Math.max(0, at.x + step * MOVES[event.key][0]));
      at.y = Math.min(height - 1, Math.max(0, at.y + step * MOVES[event.key][1]));
      if (stroke) draw(at.x, at.y);
      showCursor();
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) undo(event);
  });
  function showCursor() {
    cursor.hidden = false;
    cursor.style.left = `${((at.x + 0.5) / width) * canvas.clientWidth}px`;
    cursor.style.top = `${((at.y + 0.5) / height) * canvas.clientHeight}px`;
  }
  canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && showCursor());
  canvas.addEventListener("blur", () => (cursor.hidden = true));

  function undo(event) {
    if (!undone.length) return;
    context.putImageData(undone.pop(), 0, 0);
    oninput(event);
    onchange();
  }
  function clear(event) {
    undone.push(snapshot());
    context.fillStyle = css(palette[0]);
    context.fillRect(0, 0, width, height);
    oninput(event);
    onchange();
  }

  const swatches = choice({
    label: "Colour",
    options: palette.map((_, value) => ({ value: String(value), label: `Colour ${value + 1}` })),
    value: String(set.colour),
    onchange(value) {
      set.colour = Number(value);
    },
  });
  swatches.classList.add("swatches");
  for (const [i, swatch] of [...swatches.querySelectorAll("span")].entries()) swatch.style.background = css(palette[i]);

  const tools = h(
    "div",
    { class: "tools" },
    choice({
      label: "Tool",
      options: TOOLS,
      value: set.tool,
      onchange(tool) {
        set.tool = tool;
      },
    }),
    swatches,
    slider({
      label: "Brush",
      min: 1,
      max: Math.max(3, Math.round(Math.max(width, height) / 8)),
      step: 1,
      value: set.size,
      format: (value) => `${value} px`,
      oninput(size) {
        set.size = size;
      },
    }),
    h("div", { class: "row" }, button("Undo", undo), button("Blank", clear)),
  );
  return {
    canvas,
    /** What lies over the canvas. */
    cursor,
    tools,
    /** Take up an image. */
    load(pixels) {
      undone.length = 0;
      paint(canvas, pixels, shape);
    },
    pixels: () => pixelsOf(canvas, shape),
  };
}

/** Index of the colour that is least like the first. */
function farthest(palette) {
  const distances = palette.map((colour) => colour.reduce((sum, value, i) => sum + Math.abs(value - palette[0][i]), 0));
  return distances.indexOf(Math.max(...distances));
}
