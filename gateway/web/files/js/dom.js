/** Building blocks of the page. Data enters the document as text only, never as markup. */

/**
 * The element with this id. A missing one is a bug of the page.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element ${id}`);
  return element;
}

/**
 * The form control with this id.
 * @param {string} id
 * @returns {HTMLInputElement}
 */
export const inputById = (id) => /** @type {HTMLInputElement} */ (byId(id));

/**
 * The selection with this id.
 * @param {string} id
 * @returns {HTMLSelectElement}
 */
export const selectById = (id) => /** @type {HTMLSelectElement} */ (byId(id));

/**
 * The dialog with this id.
 * @param {string} id
 * @returns {HTMLDialogElement}
 */
export const dialogById = (id) => /** @type {HTMLDialogElement} */ (byId(id));

/**
 * The form with this id.
 * @param {string} id
 * @returns {HTMLFormElement}
 */
export const formById = (id) => /** @type {HTMLFormElement} */ (byId(id));

/**
 * A new element with attributes and children; texts become text nodes.
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * A table cell.
 * @param {string} text
 * @param {string} className
 */
export function cell(text, className = "") {
  return element("td", className ? { class: className } : {}, text);
}

/**
 * Sets a text where it differs, so that an unchanged page stays untouched.
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Shows or hides.
 * @param {HTMLElement} target
 * @param {boolean} shown
 */
export function show(target, shown) {
  target.hidden = !shown;
}

/**
 * Makes a function that draws at most once in each frame, however often it is called.
 * @param {() => void} draw
 * @returns {() => void}
 */
export function oncePerFrame(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}
