// What the scripts of questions, sliders and maps of attention begin with (_widget.py puts it before
// each): makes an element, with attributes and text, as the last child of another.

function element(parent, tag, attributes = {}, text = "") {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(text);
  parent.append(node);
  return node;
}
