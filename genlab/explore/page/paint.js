/** Pictures: eight-bit channels (C, H, W) to canvases, and canvases to files. */

/**
 * @typedef {[number, number, number]} Shape channels, height, width
 */

export const sizeOf = ([channels, height, width]) => channels * height * width;

/** The image of an index among several, one after another. */
export const nth = (pixels, shape, index) => pixels.subarray(index * sizeOf(shape), (index + 1) * sizeOf(shape));

/**
 * Convert an image to the four interleaved channels of a canvas.
 *
 * @param {Uint8Array} pixels (C, H, W); one channel is grey, two or more than four are shown by their first.
 * @param {Shape} shape
 */
export function rgba(pixels, [channels, height, width]) {
  const image = new ImageData(width, height);
  const [area, data] = [height * width, image.data];
  const [green, blue] = channels === 3 || channels === 4 ? [area, 2 * area] : [0, 0];
  for (let i = 0, to = 0; i < area; i += 1, to += 4) {
    data[to] = pixels[i];
    data[to + 1] = pixels[i + green];
    data[to + 2] = pixels[i + blue];
    data[to + 3] = channels === 4 ? pixels[i + 3 * area] : 255;
  }
  return image;
}

/** Give a canvas a size, and tell the style sheet its proportions. */
function resize(canvas, width, height) {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
  canvas.style.setProperty("--ratio", (width / height).toFixed(4));
}

/** Paint an image on a canvas, which becomes of its size. */
export function paint(canvas, pixels, shape) {
  resize(canvas, shape[2], shape[1]);
  canvas.getContext("2d").putImageData(rgba(pixels, shape), 0, 0);
}

/** Paint several images on one canvas, row by row, some pixels apart. */
export function paintGrid(canvas, pixels, shape, columns, gap = 1) {
  const [, height, width] = shape;
  const count = pixels.length / sizeOf(shape);
  const rows = Math.ceil(count / columns);
  resize(canvas, columns * (width + gap) - gap, rows * (height + gap) - gap);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < count; i += 1) {
    const [row, column] = [Math.floor(i / columns), i % columns];
    context.putImageData(rgba(nth(pixels, shape, i), shape), column * (width + gap), row * (height + gap));
  }
}

/** Read a canvas back as an image of one or three channels. */
export function pixelsOf(canvas, [channels, height, width]) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const pixels = new Uint8Array(channels * height * width);
  for (let i = 0; i < height * width; i += 1) {
    for (let channel = 0; channel < channels; channel += 1)
      pixels[channel * height * width + i] = data[4 * i + channel];
  }
  return pixels;
}

/**
 * Show where two images differ, from black (nowhere) through red to yellow (by all).
 *
 * @returns {Uint8Array} (3, H, W)
 */
export function differences(first, second, [channels, height, width]) {
  const area = height * width;
  const map = new Uint8Array(3 * area);
  for (let i = 0; i < area; i += 1) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel += 1) {
      sum += Math.abs(first[channel * area + i] - second[channel * area + i]);
    }
    const share = Math.min(1, (2 * sum) / (255 * channels));
    map[i] = 255 * Math.min(1, 1.6 * share);
    map[area + i] = 255 * Math.max(0, 1.8 * share - 0.8);
    map[2 * area + i] = 255 * (share < 0.35 ? 0.9 * share : Math.max(0, 0.63 - 0.9 * share));
  }
  return map;
}

/** Mean squared error of images in [0, 1]. */
export function squaredError(first, second) {
  let sum = 0;
  for (let i = 0; i < first.length; i += 1) sum += (first[i] - second[i]) ** 2;
  return sum / first.length / 255 ** 2;
}

/** Let the user keep a file. */
export function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Let the user keep a canvas as a PNG of its own pixels. */
export const savePng = (canvas, name) => canvas.toBlob((blob) => saveBlob(blob, name));

const COLOURS = [
  "#4477dd",
  "#ee7733",
  "#22a05a",
  "#dd3344",
  "#9955cc",
  "#b8860b",
  "#e377c2",
  "#708090",
  "#99aa11",
  "#11b5c9",
];

/** The colour of a class or curve: ten that can be told apart on light and dark, then hues. */
export const colourOf = (index) => COLOURS[index] ?? `hsl(${(index * 137.5) % 360} 65% 52%)`;
