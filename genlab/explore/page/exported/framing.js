/** Picture files as the images of the data are: cropped, resized, grey or in colour; see genlab's `Framing`. */

/**
 * @param {Blob} file
 * @param {{shape: [number, number, number], crop: [number, number]|null, width_share: number, half: string|null}} framing
 * @returns {Promise<Uint8Array>} (C, H, W)
 */
export async function framed(file, framing) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("This browser cannot read that file as an image.");
  });
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white"; // transparent pixels become white
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = context.getImageData(0, 0, width, height).data;
  const [channels] = framing.shape;
  return resized(planes(pixels, channels), [channels, height, width], boxOf(framing, width, height), framing.shape);
}

/** The part of an image that is kept: left, top, right, bottom; the largest of the shape's aspect ratio. */
export function boxOf({ shape, crop, width_share, half }, width, height) {
  let [left, right] = [0, width];
  if (half === "left") right = Math.floor(width / 2);
  else if (half === "right") left = width - Math.floor(width / 2);
  if (crop && (crop[0] > height || crop[1] > right - left)) {
    throw new Error(`That image has ${width} × ${height} pixels; the model's data have at least ${crop[1]} × ${crop[0]}.`);
  }
  const [high, wide] = crop ?? [height, (right - left) * width_share];
  const scale = Math.min(high / shape[1], wide / shape[2]);
  const [across, down] = [(scale * shape[2]) / 2, (scale * shape[1]) / 2];
  const [x, y] = [(left + right) / 2, height / 2];
  return [Math.max(left, x - across), Math.max(0, y - down), Math.min(right, x + across), Math.min(height, y + down)];
}

/**
 * Resize a part of an image (C, H, W) to a shape, as Pillow's antialiased bicubic does, first across and then down.
 *
 * @returns {Uint8Array}
 */
export function resized(image, [channels, height, width], [left, top, right, bottom], shape) {
  const [columns, rows] = [weights(left, right, width, shape[2]), weights(top, bottom, height, shape[1])];
  const across = filtered(image, channels * height, { length: width, stride: 1 }, columns);
  const area = height * shape[2];
  const found = new Uint8Array(channels * shape[1] * shape[2]);
  for (let channel = 0; channel < channels; channel += 1) {
    const plane = across.subarray(channel * area, (channel + 1) * area);
    found.set(filtered(plane, shape[2], { length: height, stride: shape[2] }, rows), channel * shape[1] * shape[2]);
  }
  return found;
}

/** Filter each of some lines of values; values of a line, and its results, are `stride` apart. */
function filtered(values, lines, { length, stride }, outputs) {
  const found = new Uint8ClampedArray(lines * outputs.length);
  const [from, to] = stride === 1 ? [length, outputs.length] : [1, 1]; // from one line to the next
  for (let line = 0; line < lines; line += 1) {
    outputs.forEach(({ start, shares }, output) => {
      let sum = 0;
      for (let i = 0; i < shares.length; i += 1) sum += shares[i] * values[line * from + (start + i) * stride];
      found[line * to + output * stride] = Math.floor(sum + 0.5);
    });
  }
  return found;
}

/** For each of `count` outputs between two edges, which of `length` inputs it is made of, and their shares. */
function weights(from, to, length, count) {
  const scale = (to - from) / count;
  const reach = Math.max(scale, 1);
  return Array.from({ length: count }, (_, output) => {
    const center = from + (output + 0.5) * scale;
    const start = Math.max(0, Math.floor(center - 2 * reach + 0.5));
    const end = Math.min(length, Math.floor(center + 2 * reach + 0.5));
    const values = Array.from({ length: end - start }, (_, i) => cubic((start + i + 0.5 - center) / reach));
    const total = values.reduce((a, b) => a + b, 0);
    return { start, shares: values.map((value) => value / total) };
  });
}

/** Keys' cubic with a = -0.5. */
function cubic(x) {
  const distance = Math.abs(x);
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  if (distance < 2) return ((-0.5 * distance + 2.5) * distance - 4) * distance + 2;
  return 0;
}

/** RGBA pixels as channels: three, or one as Pillow converts to grey (ITU-R 601). */
function planes(pixels, channels) {
  const area = pixels.length / 4;
  const found = new Uint8Array(channels * area);
  for (let i = 0; i < area; i += 1) {
    const [red, green, blue] = [pixels[4 * i], pixels[4 * i + 1], pixels[4 * i + 2]];
    if (channels === 1) {
      found[i] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
    } else {
      found[i] = red;
      found[area + i] = green;
      found[2 * area + i] = blue;
    }
  }
  return found;
}
