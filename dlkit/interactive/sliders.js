// The sliders on the page: positions go to Python (_widget.py), a picture comes back. They are the
// browser's own, so mouse, finger and keyboard move them as everywhere; a screen reader is told the
// value at the stop ("75"), not the number of the stop.

function render({ model, el }) {
  const root = element(el, "div", { class: "dlkit-sliders" });
  const panel = element(root, "div", { class: "dlkit-sliders-panel" });
  const prefix = `dlkit-sliders-${Math.random().toString(36).slice(2)}`;
  const sliders = model.get("controls").map(({ label, stops }, number) => {
    const id = `${prefix}-${number}`;
    element(panel, "label", { class: "dlkit-sliders-label", for: id }, label);
    const input = element(panel, "input", {
      class: "dlkit-sliders-range",
      id,
      type: "range",
      min: 0,
      max: stops.length - 1,
      step: 1,
      "data-lm-suppress-shortcuts": "true", // JupyterLab leaves the keys to the slider
    });
    // The input says its value itself; without this a screen reader would say it twice.
    const value = element(panel, "span", { class: "dlkit-sliders-value", "aria-hidden": "true" });
    value.style.minWidth = `${Math.max(...stops.map((stop) => stop.length))}ch`;
    input.addEventListener("input", move);
    return { input, value, stops };
  });
  const picture = element(root, "img", { class: "dlkit-sliders-picture" });
  const error = element(root, "pre", { class: "dlkit-sliders-error", role: "alert" });

  function say({ input, value, stops }, position) {
    input.setAttribute("aria-valuetext", stops[position]);
    value.textContent = stops[position];
  }

  function move() {
    for (const slider of sliders) say(slider, Number(slider.input.value)); // before Python answers
    model.set("positions", sliders.map(({ input }) => Number(input.value)));
    model.save_changes();
  }

  function show() {
    model.get("positions").forEach((position, number) => {
      sliders[number].input.value = position;
      say(sliders[number], position);
    });
    const failed = model.get("error");
    if (error.textContent !== failed) error.textContent = failed; // announced once
    picture.hidden = failed !== "";
    if (failed) return;
    picture.alt = model.get("alt");
    picture.width = model.get("width");
    picture.src = model.get("picture");
  }

  model.on("change", show); // once for each message, however many values it holds
  show();
  return () => model.off("change", show);
}

export default { render };
