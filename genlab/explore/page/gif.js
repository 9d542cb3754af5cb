/** A small encoder of animated GIFs (GIF89a). */

const COLOURS = 256;

/**
 * Encode frames of one size as a GIF that repeats for ever.
 *
 * @param {ImageData[]} frames
 * @param {object} settings
 * @param {number} settings.delay of a frame, in hundredths of a second
 * @param {number} [settings.scale] pixels along a side of each pixel
 * @returns {Uint8Array}
 */
export function encodeGif(frames, { delay, scale = 1 }) {
  const [width, height] = [frames[0].width * scale, frames[0].height * scale];
  const { palette, indexOf } = paletteOf(frames);
  const out = [...ascii("GIF89a"), ...short(width), ...short(height), 0xf7, 0, 0];
  for (let i = 0; i < COLOURS; i += 1) out.push(...(palette[i] ?? [0, 0, 0]));
  out.push(0x21, 0xff, 11, ...ascii("NETSCAPE2.0"), 3, 1, 0, 0, 0);
  for (const frame of frames) {
    out.push(0x21, 0xf9, 4, 4, ...short(delay), 0, 0);
    out.push(0x2c, 0, 0, 0, 0, ...short(width), ...short(height), 0, 8);
    const data = compress(enlarged(frame, scale, indexOf));
    for (let at = 0; at < data.length; at += 255) {
      const block = data.slice(at, at + 255);
      out.push(block.length, ...block);
    }
    out.push(0);
  }
  out.push(0x3b);
  return Uint8Array.from(out);
}

const ascii = (text) => [...text].map((letter) => letter.charCodeAt(0));
const short = (value) => [value & 255, value >> 8];

/** Five bits of each channel: the key of similar colours. */
const keyOf = (data, at) => ((data[at] >> 3) << 10) | ((data[at + 1] >> 3) << 5) | (data[at + 2] >> 3);

/** Colours of frames: all greys where there are only greys, else 256 by median cut (Heckbert 1982). */
function paletteOf(frames) {
  const isGrey = frames.every(({ data }) => data.every((value, i) => i % 4 === 3 || value === data[i - (i % 4)]));
  if (isGrey) {
    return { palette: Array.from({ length: COLOURS }, (_, i) => [i, i, i]), indexOf: (data, at) => data[at] };
  }
  const sums = new Map();
  for (const { data } of frames) {
    for (let at = 0; at < data.length; at += 4) {
      const key = keyOf(data, at);
      const sum = sums.get(key) ?? sums.set(key, [0, 0, 0, 0, key]).get(key);
      for (let channel = 0; channel < 3; channel += 1) sum[channel] += data[at + channel];
      sum[3] += 1;
    }
  }
  const boxes = medianCut(
    [...sums.values()].map(([r, g, b, count, key]) => ({ colour: [r / count, g / count, b / count], count, key })),
  );
  const indices = new Map(boxes.flatMap((box, index) => box.map(({ key }) => [key, index])));
  return { palette: boxes.map(meanColour), indexOf: (data, at) => indices.get(keyOf(data, at)) };
}

function medianCut(colours) {
  const boxes = [measured(colours)];
  while (boxes.length < COLOURS) {
    boxes.sort((a, b) => b.spread - a.spread);
    if (boxes[0].spread === 0) break;
    const { colours: box, channel, count } = boxes.shift();
    box.sort((a, b) => a.colour[channel] - b.colour[channel]);
    let [half, seen] = [0, 0];
    while (half < box.length - 1 && (half === 0 || seen + box[half].count <= count / 2)) {
      seen += box[half].count;
      half += 1;
    }
    boxes.push(measured(box.slice(0, half)), measured(box.slice(half)));
  }
  return boxes.map(({ colours: box }) => box);
}

/** A box of colours, its widest channel, and how much splitting it would gain. */
function measured(colours) {
  const widths = [0, 1, 2].map((channel) => {
    const values = colours.map(({ colour }) => colour[channel]);
    return (
      values.reduce((most, value) => Math.max(most, value), 0) -
      values.reduce((least, value) => Math.min(least, value), 255)
    );
  });
  const channel = widths.indexOf(Math.max(...widths));
  const count = colours.reduce((sum, each) => sum + each.count, 0);
  return { colours, channel, count, spread: colours.length > 1 ? widths[channel] * Math.sqrt(count) : 0 };
}

function meanColour(box) {
  const count = box.reduce((sum, each) => sum + each.count, 0);
  return [0, 1, 2].map((channel) =>
    Math.round(box.reduce((sum, each) => sum + each.colour[channel] * each.count, 0) / count),
  );
}

function enlarged({ width, height, data }, scale, indexOf) {
  const indices = new Uint8Array(width * height * scale * scale);
  for (let y = 0, to = 0; y < height * scale; y += 1) {
    const row = Math.floor(y / scale) * width;
    for (let x = 0; x < width * scale; x += 1, to += 1) indices[to] = indexOf(data, 4 * (row + Math.floor(x / scale)));
  }
  return indices;
}

/** GIF's variable-length LZW of bytes. */
function compress(indices) {
  const [clear, end] = [COLOURS, COLOURS + 1];
  const out = [];
  let [bits, held] = [0, 0];
  let size = 9;
  let codes = new Map();
  const emit = (code) => {
    held |= code << bits;
    bits += size;
    while (bits >= 8) {
      out.push(held & 255);
      held >>>= 8;
      bits -= 8;
    }
  };
  emit(clear);
  let prefix = indices[0];
  for (let i = 1; i < indices.length; i += 1) {
    const key = (prefix << 8) | indices[i];
    const known = codes.get(key);
    if (known !== undefined) {
      prefix = known;
      continue;
    }
    emit(prefix);
    const next = end + 1 + codes.size;
    if (next === 4096) {
      emit(clear);
      codes = new Map();
      size = 9;
    } else {
      if (next === 1 << size) size += 1;
      codes.set(key, next);
    }
    prefix = indices[i];
  }
  emit(prefix);
  emit(end);
  if (bits > 0) out.push(held & 255);
  return out;
}
