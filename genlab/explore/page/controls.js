/** Labelled controls. */

import { h, newId } from "genlab/dom.js";
import { savePng } from "genlab/paint.js";

export const button = (label, onclick, attributes = {}) =>
  h("button", { type: "button", onclick, ...attributes }, label);

/**
 * A slider below its label and value.
 *
 * @param {object} settings
 * @param {string} settings.label
 * @param {number} settings.min
 * @param {number} settings.max
 * @param {number} settings.step
 * @param {number} settings.value
 * @param {(value: number) => string} [settings.format]
 * @param {(value: number, event: Event) => void} settings.oninput
 * @returns {HTMLElement & {set: (value: number) => void, setMax: (max: number) => void}} `set` moves it without a call
 */
export function slider({ label, min, max, step, value, format = signed, oninput }) {
  const id = newId("slider");
  const output = h("output", { for: id });
  const input = h("input", { id, type: "range", min, max, step, value });
  const share = (number) => `${(100 * (number - min)) / (input.max - min || 1)}%`;
  const tell = () => {
    const text = format(input.valueAsNumber);
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
    const [from, to] = [Math.max(0, min), input.valueAsNumber].sort((a, b) => a - b);
    input.style.setProperty("--from", share(from));
    input.style.setProperty("--to", share(to));
  };
  input.addEventListener("input", (event) => {
    tell();
    oninput(input.valueAsNumber, event);
  });
  tell();
  const element = h("div", { class: "slider" }, h("label", { for: id }, label), output, input);
  element.set = (next) => {
    input.value = next;
    tell();
  };
  element.setMax = (next) => {
    input.max = next;
    tell();
  };
  return element;
}

/** A number with its sign, as changes have one. */
export const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(2);

/** A number without a sign where it is positive. */
export const plain = (value, digits = 2) => (value < 0 ? "−" : "") + Math.abs(value).toFixed(digits);

/** A few options beside each other, of which one is chosen. */
export function choice({ label, options, value, onchange }) {
  const name = newId("choice");
  const buttons = options.map((option) => {
    const input = h("input", { type: "radio", name, value: option.value, checked: option.value === value });
    input.addEventListener("change", () => onchange(option.value));
    return h("label", {}, input, h("span", {}, option.label));
  });
  const element = h("fieldset", { class: "choice" }, h("legend", {}, label), h("div", {}, ...buttons));
  element.set = (next) => {
    for (const input of element.querySelectorAll("input")) input.checked = input.value === String(next);
  };
  return element;
}

/** Many options in a list, of which one is chosen. */
export function select({ label, options, value, onchange }) {
  const id = newId("select");
  const list = h("select", { id }, ...options.map((option) => h("option", { value: option.value }, option.label)));
  list.value = value;
  list.addEventListener("change", () => onchange(list.value));
  const element = h("div", { class: "field" }, h("label", { for: id }, label), list);
  element.set = (next) => {
    list.value = next;
  };
  return element;
}

/** A whole number. */
export function integer({ label, min, max, value, onchange }, ...beside) {
  const id = newId("number");
  const input = h("input", { id, type: "number", min, max, step: 1, value });
  input.addEventListener("change", () => {
    const number = Math.round(Math.min(max, Math.max(min, input.valueAsNumber || min)));
    input.value = number;
    onchange(number);
  });
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    h("div", { class: "row" }, input, ...beside),
  );
  element.set = (next) => {
    input.value = next;
  };
  return element;
}

/** Something that is on or off. */
export function toggle({ label, value, onchange }) {
  const input = h("input", { type: "checkbox", role: "switch", checked: value });
  input.addEventListener("change", (event) => onchange(input.checked, event));
  const element = h("label", { class: "toggle" }, input, h("span", {}, label));
  element.set = (next) => {
    input.checked = next;
  };
  return element;
}

/** A group of controls under a heading. */
export const group = (title, ...children) =>
  h("section", { class: "group" }, title ? h("h3", {}, title) : null, ...children);

/**
 * A picture with a caption, which can be kept as a PNG.
 *
 * @param {object} settings
 * @param {string} settings.title
 * @param {() => string} settings.file name of the file
 * @param {string} [settings.size] "large" or "small"
 * @param {HTMLCanvasElement} [settings.canvas] one that is there already
 * @returns {HTMLElement & {canvas: HTMLCanvasElement, tell: (caption: string) => void}}
 */
export function picture({ title, file, size = "large", canvas = h("canvas", { role: "img", width: 1, height: 1 }) }) {
  const caption = h("span", {}, title);
  const save = button("↓ PNG", () => savePng(canvas, file()), { class: "quiet", title: "Download this picture" });
  const element = h(
    "figure",
    { class: `picture ${size}` },
    h("div", { class: "frame" }, canvas),
    h("figcaption", {}, caption, save),
  );
  element.canvas = canvas;
  element.tell = (text) => {
    caption.textContent = text;
    canvas.setAttribute("aria-label", text);
    save.setAttribute("aria-label", `Download “${text}” as PNG`);
  };
  element.tell(title);
  return element;
}
