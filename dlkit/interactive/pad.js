// The pad on the page: takes strokes from mouse, finger, pen or keyboard, sends them to Python
// (_widget.py), and shows what comes back. Everything drawn is SVG in currentColor: sharp at any
// size, and right in light and dark themes without redrawing.

const SEND_EVERY_MS = 100;
const STEP = 0.03; // of the pad's side, for one press of an arrow key
const NEAR = 0.004; // points closer than this add nothing
const START = [0.5, 0.2]; // where the keyboard's pen waits
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function element(parent, tag, attributes = {}, text = "") {
  const svg = ["svg", "path", "circle", "rect", "g"].includes(tag);
  const node = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(text);
  parent.append(node);
  return node;
}

function render({ model, el }) {
  const id = `dlkit-pad-${Math.random().toString(36).slice(2)}`;
  const frame = element(el, "div", { class: "dlkit-pad-frame" }); // whose width decides the layout
  const root = element(frame, "div", { class: "dlkit-pad" });
  root.style.setProperty("--dlkit-pad-size", `${model.get("size")}px`);

  const paper = element(root, "div", { class: "dlkit-pad-paper" });
  const canvas = element(paper, "svg", {
    class: "dlkit-pad-canvas",
    viewBox: "0 0 1 1",
    tabindex: 0,
    role: "application",
    "aria-label": "Pad to draw a digit on",
    "aria-describedby": id,
    "data-lm-suppress-shortcuts": "true", // JupyterLab leaves the keys to the pad
  });
  const radius = model.get("pen") / 2;
  const ink = element(canvas, "g", { "stroke-width": 2 * radius });
  const cursor = element(canvas, "circle", { class: "dlkit-pad-cursor", r: radius });
  const clearButton = element(
    paper, "button", { class: "dlkit-pad-clear", type: "button" }, "Clear");
  const penState = element(paper, "span", { class: "dlkit-pad-pen", role: "status" });

  const sight = element(root, "div", { class: "dlkit-pad-sight" });
  const seen = element(sight, "svg", {
    class: "dlkit-pad-seen",
    viewBox: "0 0 28 28",
    role: "img",
    "aria-label": "What the network sees: your drawing in 28 by 28 pixels",
  });
  element(sight, "span", {}, "what the network sees");
  const verdict = element(sight, "p", { class: "dlkit-pad-verdict", role: "status" });

  const answer = element(root, "div", { class: "dlkit-pad-answer" });
  const bars = model.get("class_names").map((name) => {
    const bar = element(answer, "div", { class: "dlkit-pad-bar", "data-class": name });
    element(bar, "span", { class: "dlkit-pad-name" }, name);
    const fill = element(element(bar, "span", { class: "dlkit-pad-track" }), "span");
    return { bar, fill, percent: element(bar, "span", { class: "dlkit-pad-percent" }) };
  });
  const error = element(root, "p", { class: "dlkit-pad-error", role: "alert" });
  element(
    root, "p", { class: "dlkit-pad-hint", id },
    "Draw with the mouse, a finger or a pen. Or press Tab until the pad is framed: the arrow " +
      "keys move the pen (two at once go aslant), Space puts it down and lifts it, Delete clears.");

  // ---- The drawing, and its way to Python ----------------------------------------------------

  const strokes = structuredClone(model.get("strokes"));
  let timer = 0;

  function draw() {
    while (ink.childElementCount > strokes.length) ink.lastChild.remove();
    while (ink.childElementCount < strokes.length) element(ink, "path");
    strokes.forEach((points, i) => {
      if (ink.children[i].dlkitLength === points.length) return;
      ink.children[i].setAttribute("d", `M${points[0]}L${points.join("L")}`); // one point: a dot
      ink.children[i].dlkitLength = points.length;
    });
    timer ||= setTimeout(send, SEND_EVERY_MS);
  }

  function send() {
    timer = 0;
    model.set("strokes", structuredClone(strokes));
    model.save_changes();
  }

  function addPoint(point) {
    const points = strokes.at(-1);
    const [x, y] = points.at(-1) ?? [Infinity, Infinity];
    if (Math.hypot(point[0] - x, point[1] - y) > NEAR) points.push(point);
  }

  function clear() {
    strokes.length = 0;
    drawing = null;
    pen = START;
    setPen(false);
    draw();
  }

  const within = (number, margin = 0) =>
    Math.round(1e4 * Math.min(1 - margin, Math.max(margin, number))) / 1e4;

  // ---- Mouse, finger, pen --------------------------------------------------------------------

  let drawing = null; // the pointer that draws

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [
      within((event.clientX - box.left) / box.width),
      within((event.clientY - box.top) / box.height),
    ];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    setPen(false);
    drawing = event.pointerId;
    canvas.setPointerCapture(drawing);
    strokes.push([place(event)]);
    draw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) addPoint(place(one));
    draw();
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(type, (event) => {
      if (event.pointerId === drawing) drawing = null;
    });
  }
  // A click does not take the keyboard: Shift+Enter still runs the cell.
  canvas.addEventListener("mousedown", (event) => event.preventDefault());

  // ---- Keyboard ------------------------------------------------------------------------------

  const pressed = new Set();
  let pen = START;
  let penIsDown = false;

  function setPen(down) {
    if (down && !penIsDown) strokes.push([pen]);
    penIsDown = down;
    cursor.setAttribute("cx", pen[0]);
    cursor.setAttribute("cy", pen[1]);
    cursor.classList.toggle("dlkit-pad-down", down);
    penState.textContent = canvas.matches(":focus") ? `pen ${down ? "down" : "up"}` : "";
  }

  function movePen() {
    for (const key of pressed) pen = pen.map((at, i) => within(at + STEP * ARROWS[key][i], radius));
    if (penIsDown) addPoint(pen);
    setPen(penIsDown);
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) {
      pressed.add(event.key);
      movePen();
    } else if (event.key === " ") {
      if (!event.repeat) setPen(!penIsDown);
    } else if (["Delete", "Backspace", "Escape"].includes(event.key)) {
      clear();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    draw();
  });
  canvas.addEventListener("keyup", (event) => pressed.delete(event.key));
  canvas.addEventListener("focus", () => setPen(false));
  canvas.addEventListener("blur", () => {
    pressed.clear();
    setPen(false);
  });
  clearButton.addEventListener("click", clear);

  // ---- What comes back -----------------------------------------------------------------------

  function show() {
    const pixels = model.get("seen").map((gray, i) => [i % 28, Math.floor(i / 28), gray / 255]);
    seen.replaceChildren();
    for (const [x, y, opacity] of pixels) {
      if (opacity) element(seen, "rect", { x, y, width: 1, height: 1, opacity });
    }
    const probabilities = model.get("probabilities");
    const best = probabilities.indexOf(Math.max(...probabilities));
    bars.forEach(({ bar, fill, percent }, i) => {
      bar.dataset.probability = probabilities[i] ?? "";
      bar.classList.toggle("dlkit-pad-best", i === best);
      fill.style.width = `${100 * (probabilities[i] ?? 0)}%`;
      percent.textContent = model.get("percents")[i] ?? "";
    });
    error.textContent = model.get("error");
    const sentence = model.get("verdict") || (error.textContent ? "" : "Draw a digit from 0 to 9.");
    if (verdict.textContent !== sentence) verdict.textContent = sentence; // announced once
  }

  model.on("change", show); // once for each message, however many values it holds
  setPen(false);
  draw();
  show();
  return () => model.off("change", show);
}

export default { render };
