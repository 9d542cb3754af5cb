/** Data beside the page, packed into scripts: a page that is opened by double click can read nothing else. */

const known = new Map();

/**
 * What `genlab.explore.packed` has written; it is loaded once.
 *
 * @param {string} name
 * @returns {Promise<Uint8Array>}
 */
export function bytes(name) {
  if (!known.has(name)) {
    known.set(name, unpacked(name));
    known.get(name).catch(() => known.delete(name));
  }
  return known.get(name);
}

/** The same as numbers. @returns {Promise<Float32Array>} */
export const floats = async (name) => new Float32Array((await bytes(name)).buffer);

/** The same as plain data. */
export const json = async (name) => JSON.parse(new TextDecoder().decode(await bytes(name)));

/** The same, once: what is large and needed a single time is not kept. */
export const passing = (name) => unpacked(name);

async function unpacked(name) {
  await loaded(`data/${name}.js`);
  const parts = globalThis.genlab[name];
  delete globalThis.genlab[name];
  const packed = await Promise.all(
    parts.map(async (part) => (await fetch(`data:application/octet-stream;base64,${part}`)).blob()),
  );
  const stream = new Blob(packed).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function loaded(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${address} is missing: keep the folder of this page together.`));
    document.head.append(script);
    script.remove();
  });
}
