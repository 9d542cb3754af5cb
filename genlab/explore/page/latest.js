/** Pictures that follow the hand: one request in flight, and of those that wait only the newest. */

import { complain, during } from "genlab/status.js";

const MEASURE = "genlab:event-to-paint";
/** Measures that the browser keeps at most. */
const MOST = 2000;
let measured = 0;

/**
 * Wrap work so that it runs once at a time; calls meanwhile lead to one more run, with the newest argument.
 *
 * From an event to the frame that shows its work is measured as "genlab:event-to-paint".
 *
 * @template T
 * @param {(argument: T) => Promise<void>} work asks the model, and draws.
 * @returns {(argument?: T, event?: Event) => void}
 */
export function latest(work) {
  let running = false;
  let waiting = null;

  async function run() {
    running = true;
    while (waiting) {
      const { argument, since } = waiting;
      waiting = null;
      try {
        await work(argument);
        if (since) afterPaint(() => measure(since));
      } catch (error) {
        complain(error);
      }
    }
    running = false;
  }

  return (argument, event) => {
    waiting = { argument, since: event?.timeStamp };
    if (!running) during(run());
  };
}

function measure(since) {
  if (measured % MOST === 0) performance.clearMeasures(MEASURE);
  measured += 1;
  performance.measure(MEASURE, { start: since });
}

/** Call back once the browser has painted what is drawn now. */
function afterPaint(callback) {
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = callback;
    channel.port2.postMessage(null);
  });
}
