// A teaching case: one key shows and hides the answer, a picture becomes large where it stands.
import { registerKeys } from "./keys";

const answer = document.getElementById("teaching-answer");

if (answer instanceof HTMLDetailsElement) {
  registerKeys({ keys: ["d"], label: answer.dataset.label ?? "", run: () => (answer.open = !answer.open) });
}
document.addEventListener("click", (event) => {
  const picture = (event.target as Element).closest(".teaching-picture");
  picture?.closest("figure")?.classList.toggle("large");
});
// pictures that have come while the page was open: what may be done with the case now stands in its bar
document.addEventListener("htmx:afterSwap", () => {
  if (document.getElementById("teaching-ready") && !document.querySelector('form[action$="/open/"]')) location.reload();
});
