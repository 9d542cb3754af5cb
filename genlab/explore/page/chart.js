/** Curves and histograms as SVG. */

import { h, newId, svg } from "genlab/dom.js";
import { ticks } from "genlab/plot.js";

const MARGIN = { left: 58, right: 12, top: 10, bottom: 38 };
const HEIGHT = 280;
/** Widths of charts, so that their numbers can be read in a narrow window too. */
const [WIDE, SLENDER] = [500, 380];

/** Points from which a curve is smoothed, and the share of them on either side that is averaged. */
const [LONG, AROUND] = [100, 0.025];
/** Share of a curve's values, at either end, that the axis need not reach. */
const RARE = 0.015;

/**
 * @typedef {object} Curve
 * @property {string} name
 * @property {string} colour
 * @property {boolean} [dashed]
 * @property {number[]} x
 * @property {number[]} y
 */

/**
 * Draw curves over a common axis; the pointer reads their values.
 *
 * @param {Curve[]} curves
 * @param {object} settings
 * @param {string} settings.label
 * @param {string} settings.across name of the x axis
 * @param {boolean} [settings.logarithmic]
 * @param {boolean} [settings.smooth] draw the moving average of long curves, over the curves themselves
 */
export function chart(curves, { label, across, logarithmic = false, smooth = false }) {
  const width = innerWidth < 500 ? SLENDER : WIDE;
  const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const fits = (value) => Number.isFinite(value) && (!logarithmic || value > 0);
  const scale = logarithmic ? Math.log10 : (value) => value;
  const xs = rangeOf(curves.flatMap(({ x }) => x));
  const ys = padded(usualRange(curves.map(({ y }) => y.filter(fits).map(scale))));
  const place = (x, y) => [
    MARGIN.left + (inner.width * (x - xs[0])) / (xs[1] - xs[0] || 1),
    MARGIN.top + (inner.height * (ys[1] - scale(y))) / (ys[1] - ys[0] || 1),
  ];

  const image = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label, class: "chart" });
  const clip = newId("clip");
  const inside = svg("g", { "clip-path": `url(#${clip})` });
  const box = { x: MARGIN.left, y: MARGIN.top, ...inner };
  image.append(svg("clipPath", { id: clip }, svg("rect", box)));
  for (const value of ticks(ys[0], ys[1])) {
    const [, at] = place(xs[0], logarithmic ? 10 ** value : value);
    image.append(svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at, class: "grid" }));
    image.append(text(brief(logarithmic ? 10 ** value : value), MARGIN.left - 8, at + 4, "end"));
  }
  for (const value of ticks(xs[0], xs[1])) {
    image.append(text(brief(value), place(value, 10 ** ys[0])[0], HEIGHT - MARGIN.bottom + 16, "middle"));
  }
  image.append(text(across, width - MARGIN.right, HEIGHT - 5, "end"));
  for (const { x, y, colour, dashed } of curves) {
    const points = x.map((value, i) => [value, y[i]]).filter(([, value]) => fits(value));
    const line = (some, kind) => {
      const places = some.map(([a, b]) =>
        place(a, b)
          .map((each) => each.toFixed(1))
          .join(" "),
      );
      inside.append(svg("path", { d: `M${places.join("L")}`, stroke: colour, class: `curve ${kind}` }));
    };
    const averaged = smooth && points.length > LONG;
    if (points.length > 1) line(points, averaged ? "faint" : dashed ? "dashed" : "");
    if (averaged) line(smoothed(points), dashed ? "dashed" : "");
    if (points.length === 1) {
      const [cx, cy] = place(...points[0]);
      inside.append(svg("circle", { cx, cy, r: 3.5, fill: colour }));
    }
  }

  const cursor = svg("line", { y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, class: "cursor", visibility: "hidden" });
  image.append(inside, cursor);
  const values = curves.map(() => h("output"));
  const legend = h(
    "ul",
    { class: "curves" },
    ...curves.map(({ name, colour, dashed }, i) => {
      const key = h("i", { class: dashed ? "dashed" : "", "aria-hidden": "true" });
      key.style.setProperty("--colour", colour);
      return h("li", {}, key, h("span", {}, name), values[i]);
    }),
  );
  function read(x) {
    for (const [i, curve] of curves.entries()) {
      const at = nearest(curve.x, x);
      values[i].textContent = at < 0 ? "" : brief(curve.y[at]);
    }
  }
  image.addEventListener("pointermove", (event) => {
    const bounds = image.getBoundingClientRect();
    const share = ((event.clientX - bounds.left) * (width / bounds.width) - MARGIN.left) / inner.width;
    const x = xs[0] + Math.min(1, Math.max(0, share)) * (xs[1] - xs[0]);
    const [at] = place(x, 1);
    for (const [name, value] of Object.entries({ x1: at, x2: at, visibility: "visible" }))
      cursor.setAttribute(name, value);
    read(x);
  });
  image.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    read(xs[1]);
  });
  read(xs[1]);
  return h("figure", { class: "curves-of" }, h("figcaption", {}, label), image, legend);
}

/** Draw how often values occur, with a mark at one. */
export function histogram(values, { mark, label, bins = 40 }) {
  const [low, high] = rangeOf([...values, mark]);
  const counts = new Array(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor((bins * (value - low)) / (high - low || 1)))] += 1;
  const most = Math.max(...counts);
  const [width, height] = [320, 110];
  const image = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "chart" });
  for (const [i, count] of counts.entries()) {
    const tall = (80 * count) / most;
    image.append(
      svg("rect", { x: (i * width) / bins, y: 86 - tall, width: width / bins - 1, height: tall, class: "bar" }),
    );
  }
  const at = Math.min(width - 1, Math.max(1, (width * (mark - low)) / (high - low || 1)));
  image.append(svg("line", { x1: at, x2: at, y1: 0, y2: 86, class: "mark" }));
  image.append(text(low.toPrecision(2), 0, 104, "start"), text(high.toPrecision(2), width, 104, "end"));
  return h("figure", { class: "histogram" }, image, h("figcaption", {}, label));
}

/** A number in some four characters. */
export function brief(value) {
  if (!Number.isFinite(value)) return "–";
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6))
    return value.toExponential(1).replace("-", "−");
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

const text = (content, x, y, anchor) => svg("text", { x, y, "text-anchor": anchor }, content);

const rangeOf = (values) =>
  values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);

/** Average of each point and those around it; fewer at the ends, so that nothing lags. */
function smoothed(points) {
  const sums = [0];
  for (const [, y] of points) sums.push(sums.at(-1) + y);
  const most = Math.ceil(AROUND * points.length);
  return points.map(([x], i) => {
    const reach = Math.min(most, i, points.length - 1 - i);
    return [x, (sums[i + reach + 1] - sums[i - reach]) / (2 * reach + 1)];
  });
}

/** Range of curves, without the rare extremes of long ones, such as a loss at the first steps. */
function usualRange(curves) {
  return rangeOf(
    curves.flatMap((values) => {
      const sorted = Float64Array.from(values).sort();
      const cut = Math.floor(sorted.length * RARE);
      return [...sorted.subarray(cut, sorted.length - cut)];
    }),
  );
}

function padded([low, high]) {
  const pad = 0.05 * (high - low) || Math.abs(high) * 0.05 || 1;
  return [low - pad, high + pad];
}

/** Index of the number in ascending order that is nearest to x. */
function nearest(ascending, x) {
  let [low, high] = [0, ascending.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < x) low = middle;
    else high = middle;
  }
  return high >= 0 && Math.abs(ascending[high] - x) < Math.abs(ascending[low] - x) ? high : low <= high ? low : high;
}
