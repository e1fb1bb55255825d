// Menus close when one clicks elsewhere; buttons with data-open open their dialog; the theme applies at once.

export function wireMenus(): void {
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
      if (!target || !menu.contains(target)) menu.open = false;
    }
    if (target instanceof HTMLDialogElement) target.close(); // a click on the backdrop
  });
}

/** Close what is open: the innermost menu first. Returns whether there was one. */
export function closeMenus(): boolean {
  const open = document.querySelectorAll<HTMLDetailsElement>("details.menu[open]");
  const focused = document.activeElement;
  open.forEach((menu) => (menu.open = false));
  // at once: until the browser sees by itself that the field is gone, keys would be typed into it
  if (focused instanceof HTMLElement && [...open].some((menu) => menu.contains(focused))) focused.blur();
  return open.length > 0;
}
