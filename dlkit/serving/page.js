// The pad of the notebooks (pad.js) on a page of its own: where a notebook has Python behind the pad,
// this has the service. What the pad calls its model is the small store of values below.

import { asMnist, render } from "./mnist_form.js";
import pad from "./pad.js";

const PEN = 0.08; // diameter, as a share of the pad's side
const NOTHING = { seen: [], probabilities: [], percents: [], verdict: "", error: "" };

const name = document.getElementById("model").dataset.name;
const problem = document.getElementById("problem");
const url = `v1/models/${encodeURIComponent(name)}`;

async function request(path, options) {
  const response = await fetch(path, options);
  const document = await response.json();
  if (!response.ok) throw new Error(document.error ?? `status ${response.status}`);
  return { document, response };
}

// The shape of an example, if the model takes pictures of 28 by 28 raw pixels.
function exampleShape(metadata) {
  const { inputs } = metadata.metadata.signature_def.signature_def.serving_default;
  const [input] = Object.values(inputs);
  const shape = input.tensor_shape.dim.slice(1).map(({ size }) => Number(size));
  const fits = ["28,28", "28,28,1"].includes(String(shape)) && input.dtype === "DT_UINT8";
  if (fits) return shape;
  throw new Error(
    `This model takes ${input.dtype} of shape (${shape}), and the pad makes DT_UINT8 of (28,28): ` +
      `send your examples to /${url}:predict.`);
}

function example(seen, shape) {
  const rows = Array.from({ length: 28 }, (_, y) => seen.slice(28 * y, 28 * (y + 1)));
  return shape.length === 3 ? rows.map((row) => row.map((grey) => [grey])) : rows;
}

// Probabilities as they are; the softmax of anything else.
function asProbabilities(outputs) {
  const sum = outputs.reduce((a, b) => a + b, 0);
  if (Math.min(...outputs) >= 0 && Math.abs(sum - 1) < 0.01) return outputs;
  const powers = outputs.map((output) => Math.exp(output - Math.max(...outputs)));
  const all = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / all);
}

const percent = (p) => (p >= 0.995 ? "over 99 %" : `${Math.round(100 * p)} %`);

async function predict(strokes, shape) {
  const seen = asMnist(render(strokes, PEN));
  const { document } = await request(`${url}:predict`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ instances: [example(seen, shape)] }),
  });
  const probabilities = asProbabilities(document.predictions[0]);
  const best = probabilities.indexOf(Math.max(...probabilities));
  const verdict = `It reads ${best}, ${percent(probabilities[best])}`;
  return { ...NOTHING, seen, probabilities, percents: probabilities.map(percent), verdict };
}

// The store: the pad sets strokes, this sets what came back. One request at a time is on its way.
function store(classes, shape) {
  const values = { ...NOTHING, strokes: [], size: 280, pen: PEN, class_names: classes };
  let changed = () => {};
  let pending = false;
  let changedMeanwhile = false;

  async function update() {
    if (pending) {
      changedMeanwhile = true;
      return;
    }
    pending = true;
    try {
      do {
        changedMeanwhile = false;
        const { strokes } = values;
        Object.assign(values, strokes.length ? await predict(strokes, shape) : NOTHING);
      } while (changedMeanwhile);
    } catch (error) {
      Object.assign(values, NOTHING, { error: `${error.message ?? error}` });
    } finally {
      pending = false;
    }
    changed();
  }
  return {
    get: (key) => values[key],
    set: (key, value) => { values[key] = value; },
    on: (_, callback) => { changed = callback; },
    off: () => { changed = () => {}; },
    save_changes: update,
  };
}

try {
  const { document: metadata } = await request(`${url}/metadata`);
  const shape = exampleShape(metadata);
  const [output] = Object.values(
    metadata.metadata.signature_def.signature_def.serving_default.outputs);
  const classes = Number(output.tensor_shape.dim.at(-1).size);
  const model = store(Array.from({ length: classes }, (_, i) => String(i)), shape);
  pad.render({ model, el: document.getElementById("pad") });
} catch (error) {
  problem.textContent = `${error.message ?? error}`;
}
