// What the reading page's scripts find in its HTML; a page without it is broken, and says so.

export function need<T extends Element>(selector: string, kind: new () => T): T {
  const found = document.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`the reading page lacks ${selector}`);
  return found;
}

export function data<T>(id: string): T {
  return JSON.parse(need(`#${id}`, HTMLScriptElement).textContent ?? "") as T;
}
