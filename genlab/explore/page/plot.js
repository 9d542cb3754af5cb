/** A plane with points, a background and one movable point, by pointer or arrow keys. */

import { h, svg } from "genlab/dom.js";

/** Pixels within which a pointer is at a point. */
const NEAR = 12;
/** Share of the plane that an arrow key moves, and with shift. */
const [STEP, STRIDE] = [0.01, 0.05];
/** Pixels below and left of the plane, for its numbers. */
const MARGIN = 42;

/**
 * @typedef {{x: number, y: number, label: number|undefined, colour: string}} Point
 */
export class Plot {
  /**
   * @param {object} settings
   * @param {string} settings.label
   * @param {number[]} settings.extent left, right, bottom, top
   * @param {string[]} settings.axes names
   * @param {(x: number, y: number, event: Event) => void} settings.onmove
   * @param {(index: number|null, left: number, top: number) => void} settings.onhover
   * @param {AbortSignal} settings.signal ends its life
   */
  constructor({ label, extent, axes, onmove, onhover, signal }) {
    Object.assign(this, {
      extent,
      axes,
      onmove,
      onhover,
      points: [],
      background: null,
      highlighted: null,
      at: { x: 0, y: 0 },
    });
    this.base = h("canvas", { "aria-hidden": "true" });
    this.cross = crosshair();
    this.top = h("div", { tabindex: 0, role: "application", "aria-label": label, class: "top" }, this.cross);
    this.element = h("div", { class: "plane" }, this.base, this.top);
    this.top.addEventListener("pointerdown", (event) => {
      this.top.setPointerCapture(event.pointerId);
      this.top.focus({ preventScroll: true });
      this.drag(event);
    });
    this.top.addEventListener("pointermove", (event) => (event.buttons & 1 ? this.drag(event) : this.hover(event)));
    this.top.addEventListener("pointerleave", () => this.onhover(null));
    this.top.addEventListener("keydown", (event) => this.press(event));
    new ResizeObserver(() => this.fit()).observe(this.element);
    addEventListener("themechange", () => this.draw(), { signal });
  }

  /** Take the size that the page gives. */
  fit() {
    const size = this.element.clientWidth;
    if (!size) return;
    this.size = size;
    this.base.width = size * devicePixelRatio;
    this.base.height = size * devicePixelRatio;
    this.base.getContext("2d").setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    this.draw();
    this.moveTo(this.at.x, this.at.y);
  }

  setPoints(points) {
    this.points = points;
    this.draw();
  }

  setBackground(canvas) {
    this.background = canvas;
    this.draw();
  }

  /** Dim points of other labels; null dims none. */
  highlight(label) {
    this.highlighted = label;
    this.draw();
  }

  moveTo(x, y) {
    this.at = { x, y };
    if (!this.size) return;
    const [left, top] = this.pixelOf(x, y);
    this.cross.style.transform = `translate(${left}px, ${top}px)`;
  }

  /** Index of the point nearest to a place, or null. */
  nearest(x, y) {
    const [left, right, bottom, top] = this.extent;
    const [width, height] = [right - left, top - bottom];
    let [best, least] = [null, Infinity];
    for (let i = 0; i < this.points.length; i += 1) {
      const [across, up] = [(this.points[i].x - x) / width, (this.points[i].y - y) / height];
      const distance = across * across + up * up;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  /** The plane as one picture. */
  flattened() {
    const canvas = h("canvas", { width: this.base.width, height: this.base.height });
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(this.element).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this.base, 0, 0);
    return canvas;
  }

  drag(event) {
    const { x, y } = this.placeOf(event);
    this.onhover(null);
    this.onmove(x, y, event);
  }

  hover(event) {
    const { x, y } = this.placeOf(event);
    const index = this.nearest(x, y);
    const [left, top] =
      index === null ? [Infinity, Infinity] : this.pixelOf(this.points[index].x, this.points[index].y);
    const box = this.top.getBoundingClientRect();
    const near = Math.hypot(left + box.left - event.clientX, top + box.top - event.clientY) < NEAR;
    this.onhover(near ? index : null, left, top);
  }

  press(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const [left, right, bottom, top] = this.extent;
    const step = event.shiftKey ? STRIDE : STEP;
    this.onmove(
      clamp(this.at.x + move[0] * step * (right - left), left, right),
      clamp(this.at.y + move[1] * step * (top - bottom), bottom, top),
      event,
    );
  }

  get inner() {
    return this.size - MARGIN;
  }

  pixelOf(x, y) {
    const [left, right, bottom, top] = this.extent;
    return [MARGIN + ((x - left) / (right - left)) * this.inner, ((top - y) / (top - bottom)) * this.inner];
  }

  placeOf(event) {
    const box = this.top.getBoundingClientRect();
    const [left, right, bottom, top] = this.extent;
    const across = clamp((event.clientX - box.left - MARGIN) / this.inner, 0, 1);
    const down = clamp((event.clientY - box.top) / this.inner, 0, 1);
    return { x: left + across * (right - left), y: top - down * (top - bottom) };
  }

  draw() {
    if (!this.size) return;
    const context = this.base.getContext("2d");
    const style = getComputedStyle(this.element);
    context.clearRect(0, 0, this.size, this.size);
    this.drawAxes(context, style);
    if (this.background) {
      context.imageSmoothingEnabled = this.background.width > this.inner;
      context.drawImage(this.background, MARGIN, 0, this.inner, this.inner);
    }
    context.strokeStyle = this.background ? "rgb(255 255 255 / 60%)" : style.backgroundColor;
    context.lineWidth = 1;
    for (const { x, y, label, colour } of this.points) {
      const [left, top] = this.pixelOf(x, y);
      if (left < MARGIN || top > this.inner) continue;
      context.globalAlpha = this.highlighted === null || label === this.highlighted ? 0.9 : 0.08;
      context.fillStyle = colour;
      context.beginPath();
      context.arc(left, top, 4, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  drawAxes(context, style) {
    const [left, right, bottom, top] = this.extent;
    context.font = `12px ${style.fontFamily}`;
    context.strokeStyle = style.borderTopColor;
    context.fillStyle = style.color;
    context.lineWidth = 1;
    context.textBaseline = "top";
    context.textAlign = "center";
    const [across, up] = this.axes.map((name) => `${name} →`);
    for (const value of ticks(left, right)) {
      const [at] = this.pixelOf(value, top);
      line(context, at, 0, at, this.inner);
      if (at < this.size - context.measureText(across).width - 12) context.fillText(named(value), at, this.inner + 8);
    }
    context.textAlign = "right";
    context.fillText(across, this.size, this.inner + 8);
    context.textBaseline = "middle";
    for (const value of ticks(bottom, top)) {
      const [, at] = this.pixelOf(left, value);
      line(context, MARGIN, at, this.size, at);
      if (at > context.measureText(up).width + 12) context.fillText(named(value), MARGIN - 6, at);
    }
    context.save();
    context.translate(10, 0);
    context.rotate(-Math.PI / 2);
    context.fillText(up, 0, 0);
    context.restore();
  }
}

/** A ring with four arms, light in dark, that shows on any picture. */
function crosshair() {
  const path = "M10 0A10 10 0 1 1 -10 0A10 10 0 1 1 10 0M10 0H18M-10 0H-18M0 10V18M0 -10V-18";
  const lines = [svg("path", { d: path, class: "halo" }), svg("path", { d: path })];
  return svg("svg", { viewBox: "-22 -22 44 44", class: "crosshair", "aria-hidden": "true" }, ...lines);
}

const named = (value) => String(value).replace("-", "−");

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** Round numbers in a range, at most some seven. */
export function ticks(low, high) {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(6)),
  );
}
