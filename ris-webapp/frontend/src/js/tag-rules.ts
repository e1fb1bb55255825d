// The form of tag rules: each row shows the parts that its test or action has. What is hidden is not part of the rule.

/** Show what the chosen test or action needs, and the confirmation once the rule would change who the patient is. */
function arrange(select: HTMLSelectElement): void {
  const chosen = select.selectedOptions[0];
  const parts = chosen?.dataset.parts;
  if (parts !== undefined) {
    for (const field of select.closest(".rule-row")?.querySelectorAll<HTMLElement>("[data-part]") ?? []) {
      field.hidden = !parts.split(" ").includes(field.dataset.part ?? "");
    }
  }
  const rule = select.closest(".tag-rule");
  const confirmation = rule?.querySelector<HTMLElement>(".identity");
  const box = confirmation?.querySelector<HTMLInputElement>("input");
  if (rule && confirmation && box) {
    const changed = [...rule.querySelectorAll<HTMLOptionElement>("select.changed option[data-identity]")];
    confirmation.hidden = !changed.some((option) => option.selected);
    if (confirmation.hidden) box.checked = false;
  }
}

document.addEventListener("change", (event) => {
  if (event.target instanceof HTMLSelectElement) arrange(event.target);
  if (event.target instanceof HTMLInputElement && event.target.name.endsWith(".on")) {
    event.target.closest(".tag-rule")?.classList.toggle("off", !event.target.checked);
  }
});

export {};
