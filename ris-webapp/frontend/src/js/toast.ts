// Short notices at the lower right: what happened, and a way back where there is one.

const SHOWN_MS = 6000;

export interface ToastAction {
  label: string;
  run: () => void;
}

/** Show `text`; errors stay until dismissed by another, the others go after six seconds. */
export function toast(text: string, kind: "info" | "error" = "info", action?: ToastAction): void {
  const holder = document.getElementById("toasts");
  if (!holder) return;
  const item = document.createElement("p");
  item.className = "toast";
  item.dataset.kind = kind;
  item.append(text);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = action.label;
    button.addEventListener("click", () => {
      item.remove();
      action.run();
    });
    item.append(button);
  }
  holder.append(item);
  setTimeout(() => item.remove(), kind === "error" ? SHOWN_MS * 2 : SHOWN_MS);
}
