/** Bytes as text of an address: deflated where that is shorter, in URL-safe base64. */

/** @param {Uint8Array} bytes */
export async function pack(bytes) {
  const deflated = await through(new CompressionStream("deflate-raw"), bytes);
  return deflated.length < bytes.length ? `z${base64(deflated)}` : `r${base64(bytes)}`;
}

/** @returns {Promise<Uint8Array>} what `pack` was given */
export async function unpack(text) {
  const letters = text.slice(1).replaceAll("-", "+").replaceAll("_", "/");
  try {
    const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
    return text[0] === "z" ? await through(new DecompressionStream("deflate-raw"), bytes) : bytes;
  } catch {
    throw new Error("The link is damaged: part of it may be missing.");
  }
}

async function through(stream, bytes) {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

function base64(bytes) {
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
