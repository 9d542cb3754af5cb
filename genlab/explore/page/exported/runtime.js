/** Models as ONNX graphs, computed by onnxruntime-web in WebAssembly. */

import { bytes, json, passing } from "genlab/exported/stored.js";

/** Inputs that are computed at a time, so that the page breathes in between. */
const AT_ONCE = 32;

const sessions = new Map();
let runtime = null;
let queue = Promise.resolve();

/**
 * Compute a graph for several inputs; calls wait for each other.
 *
 * @param {{file: string, input: number[], noise: number[][]}} graph
 * @param {Float32Array} input n inputs, one after another
 * @param {number} n
 * @param {{data: Float32Array|BigInt64Array, shape: number[]}|null} condition one for all
 * @param {() => number} noise a number in [0, 1), the next at each call
 * @returns {Promise<Float32Array>} n outputs
 */
export function computed(graph, input, n, condition, noise) {
  const result = queue.then(async () => {
    const ort = await (runtime ??= started());
    const session = await opened(ort, graph);
    const [size, outputs] = [sizeOf(graph.input), []];
    for (let start = 0; start < n; start += AT_ONCE) {
      const count = Math.min(AT_ONCE, n - start);
      const feeds = { input: tensor(ort, input.subarray(start * size, (start + count) * size), [count, ...graph.input]) };
      if (condition) feeds.condition = tensor(ort, condition.data, condition.shape);
      graph.noise.forEach((shape, i) => {
        const drawn = Float32Array.from({ length: count * sizeOf(shape) }, noise);
        feeds[`noise${i}`] = tensor(ort, drawn, [count, ...shape]);
      });
      outputs.push((await session.run(feeds)).output.data);
    }
    return joined(outputs);
  });
  queue = result.catch(() => {});
  return result;
}

const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

const tensor = (ort, data, shape) => new ort.Tensor(data instanceof BigInt64Array ? "int64" : "float32", data, shape);

function joined(arrays) {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

function opened(ort, graph) {
  if (!sessions.has(graph.file)) {
    const opening = passing(graph.file).then((content) =>
      ort.InferenceSession.create(content, { executionProviders: ["wasm"] }),
    );
    sessions.set(graph.file, opening);
    opening.catch(() => sessions.delete(graph.file));
  }
  return sessions.get(graph.file);
}

async function started() {
  try {
    const { runtime: remote } = await json("site");
    const [script, wasm] = await Promise.all(
      remote ? remote.map(fetched) : [bytes("onnxruntime"), passing("onnxruntime-wasm")],
    );
    const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    const ort = await import(address);
    URL.revokeObjectURL(address);
    ort.env.wasm.numThreads = 1; // more take headers that a folder of files cannot send
    ort.env.wasm.wasmBinary = wasm.buffer;
    return ort;
  } catch (error) {
    runtime = null;
    throw error;
  }
}

/** A file of a pinned address, refused unless it is the one that the page was written for. */
async function fetched({ url, integrity }) {
  try {
    const response = await fetch(url, { integrity, credentials: "omit", referrerPolicy: "no-referrer" });
    if (!response.ok) throw new Error(response.status);
    return new Uint8Array(await response.arrayBuffer());
  } catch {
    const host = new URL(url).host;
    throw new Error(
      `onnxruntime-web, which runs the model, cannot be loaded from ${host}. Exported with --runtime, a page works offline.`,
    );
  }
}
