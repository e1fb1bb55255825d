// The patients' portal: takes the slip's code out of the address of its QR code, so that nothing keeps it, and copies links.
const code = document.getElementById("slip-code") as HTMLInputElement | null;
const scanned = decodeURIComponent(location.hash.slice(1));
if (code && /^[A-Za-z0-9-]{12,16}$/.test(scanned)) {
  history.replaceState(null, "", location.pathname);
  code.value = (scanned.replaceAll("-", "").match(/.{1,4}/g) ?? []).join("-");
  document.getElementById("birth-date")?.focus();
}

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
  button.addEventListener("click", () => {
    const field = document.getElementById(button.dataset.copy ?? "") as HTMLInputElement | null;
    if (!field) return;
    field.select();
    navigator.clipboard?.writeText(field.value).catch(() => undefined);
  });
}

export {};
