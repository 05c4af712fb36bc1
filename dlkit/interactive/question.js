// A question on the page, with a field or with choices: the browser's own, so that mouse, finger,
// keyboard and screen reader work as everywhere. Each change goes to Python (_widget.py).

function render({ model, el }) {
  const prefix = `dlkit-question-${Math.random().toString(36).slice(2)}`;
  // JupyterLab leaves the keys to whatever is in an element with this attribute.
  const attributes = { class: "dlkit-question", "data-lm-suppress-shortcuts": "true" };
  const choices = model.get("choices");
  const root = element(el, choices.length ? "fieldset" : "div", attributes);
  const inputs = choices.length ? makeChoices() : [makeField()];
  const said = element(root, "p", { class: "dlkit-question-said", role: "status" });

  function makeField() {
    element(root, "label", { for: prefix }, model.get("question"));
    return element(root, "input", { id: prefix, type: "text", autocomplete: "off" });
  }

  function makeChoices() {
    element(root, "legend", {}, model.get("question"));
    return choices.map((choice) => {
      const label = element(root, "label", { class: "dlkit-question-choice" });
      const input = element(label, "input", { type: "radio", name: prefix, value: choice });
      label.append(choice);
      return input;
    });
  }

  function keep(event) {
    model.set("answer", event.target.value);
    model.save_changes();
  }

  function show() {
    const answer = model.get("answer");
    for (const input of inputs) {
      if (input.type === "radio") input.checked = input.value === answer;
      else if (input.value !== answer) input.value = answer;
    }
    const text = answer.trim() ? "Kept: you will see it beside the result." : "Guess first.";
    if (said.textContent !== text) said.textContent = text; // announced once
  }

  for (const input of inputs) input.addEventListener("input", keep);
  model.on("change:answer", show);
  show();
  return () => model.off("change:answer", show);
}

export default { render };
