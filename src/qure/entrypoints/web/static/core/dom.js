/** Building and changing what is shown, without any HTML as text. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * A new element. `props` are attributes; `on` are listeners; true is an empty attribute, false and
 * null are none.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any> | null} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, props, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === "on") {
      for (const [event, heard] of Object.entries(value)) made.addEventListener(event, heard);
    } else set(made, name, value);
  }
  made.append(.../** @type {(Node | string)[]} */ (children.filter(shown).map(asNode)));
  return made;
}

/** @param {Child} child */
const shown = (child) => child !== null && child !== undefined && child !== false;
/** @param {Child} child */
const asNode = (child) => child instanceof Node ? child : String(child);

/**
 * Sets an attribute, or takes it away: touches the document only when that changes something.
 * @param {Element} node
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function set(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/**
 * Sets the text, only when it is another: what reads it aloud is not woken by nothing.
 * @param {Element} node
 * @param {string | number} text
 */
export function write(node, text) {
  if (node.textContent !== String(text)) node.textContent = String(text);
}

/**
 * The element with that selector. Throws when there is none.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {Kind}
 */
export function one(selector, within = document) {
  const found = within.querySelector(selector);
  if (!found) throw new Error(`there is no ${selector}`);
  return /** @type {Kind} */ (found);
}

/**
 * Makes the children of `parent` those of `items`, in their order, keeping the elements of items
 * that stay, and the focus in those that others come and go around.
 * @template Item
 * @param {Element} parent
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} key
 * @param {(item: Item) => HTMLElement} make
 * @param {(node: HTMLElement, item: Item) => void} update
 */
export function keep(parent, items, key, make, update) {
  const before = new Map(
    [.../** @type {Iterable<HTMLElement>} */ (parent.children)].map((node) => [node.dataset.key, node]),
  );
  const ids = new Set(items.map(key));
  for (const node of before.values()) if (!ids.has(node.dataset.key ?? "")) node.remove();
  let next = parent.firstElementChild;
  for (const item of items) {
    const id = key(item);
    let node = before.get(id);
    if (!node) {
      node = make(item);
      node.dataset.key = id;
    }
    update(node, item);
    // The one that should stand here is the next but one: the other moves, when its turn comes.
    if (next && node === next.nextElementSibling) next = node;
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
  }
}

/** What the server knew of the page when it made it, or null. */
export function given() {
  const block = document.getElementById("data");
  return block ? JSON.parse(block.textContent ?? "null") : null;
}
