// The attention map on the page. The queries are radio buttons that look like words, so mouse,
// finger and arrow keys choose as everywhere. Python sent all weights at once: nothing is asked of
// it here, and the map works on after the kernel stopped.

function percent(weight) {
  return `${Math.round(100 * weight)} %`;
}

function render({ model, el }) {
  const prefix = `dlkit-attention-${Math.random().toString(36).slice(2)}`;
  const [weights, queries, keys] = ["weights", "queries", "looked_at"].map((name) => model.get(name));
  const [names, truth] = [model.get("head_names"), model.get("truth")];
  // JupyterLab leaves the keys to whatever is in an element with this attribute.
  const attributes = { class: "dlkit-attention", "data-lm-suppress-shortcuts": "true" };
  const root = element(el, "div", attributes);
  const field = element(root, "fieldset", { class: "dlkit-attention-queries" });
  element(field, "legend", {}, "Who looks? Choose one.");
  const inputs = queries.map((query, number) => {
    const label = element(field, "label", { class: "dlkit-attention-query" });
    const input = element(label, "input", { type: "radio", name: prefix, value: number });
    element(label, "span", {}, query);
    input.addEventListener("change", choose);
    return input;
  });
  // The sentence says it all; to a screen reader the cells would be numbers without end.
  const heads = names.map((name) => {
    const row = element(root, "div", { class: "dlkit-attention-head", "aria-hidden": "true" });
    element(row, "div", { class: "dlkit-attention-name" }, name);
    const cells = element(row, "div", { class: "dlkit-attention-keys" });
    return keys.map((key) => {
      const cell = element(cells, "div", { class: "dlkit-attention-key" });
      const room = element(cell, "div", { class: "dlkit-attention-room" });
      const bar = element(room, "div", { class: "dlkit-attention-bar" });
      element(cell, "div", {}, key);
      const number = element(cell, "div", { class: "dlkit-attention-number" });
      return { cell, bar, number };
    });
  });
  const said = element(root, "p", { class: "dlkit-attention-said", role: "status" });

  function choose(event) {
    model.set("chosen", Number(event.target.value));
    model.save_changes();
    show();
  }

  function most(row) {
    const best = row.indexOf(Math.max(...row));
    return row[best] > 0 ? `at “${keys[best]}” (${percent(row[best])})` : "nowhere";
  }

  function show() {
    const chosen = model.get("chosen");
    inputs[chosen].checked = true;
    heads.forEach((cells, head) => {
      cells.forEach(({ cell, bar, number }, key) => {
        const weight = weights[head][chosen][key];
        bar.style.height = `${100 * weight}%`;
        number.textContent = weight >= 0.1 ? Math.round(100 * weight) : "";
        cell.classList.toggle("dlkit-attention-true", truth[chosen].includes(key));
        cell.title = `${keys[key]}: ${percent(weight)}`;
      });
    });
    const places = names.map((name, head) => `${name} ${most(weights[head][chosen])}`);
    const right = truth[chosen].map((key) => `“${keys[key]}”`);
    const end = right.length ? ` Framed, the truth: ${right.join(", ")}.` : "";
    const text = `“${queries[chosen]}” looks most: ${places.join("; ")}.${end}`;
    if (said.textContent !== text) said.textContent = text; // announced once
  }

  model.on("change:chosen", show);
  show();
  return () => model.off("change:chosen", show);
}

export default { render };
