// Asks the browser for a security key or passkey: a new one on its owner's page, a known one after the password.
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-security-key]")) {
  const answer = form.querySelector<HTMLInputElement>("[name=credential]");
  const told = form.querySelector<HTMLElement>("[role=alert]");
  const options = JSON.parse(form.querySelector("script")?.textContent ?? "{}");

  const ask = (): Promise<Credential | null> =>
    form.dataset.securityKey === "create"
      ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (told) told.hidden = true;
    try {
      const credential = await ask();
      if (!answer || !(credential instanceof PublicKeyCredential)) throw new Error("no credential");
      answer.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch {
      // given up, taken too long, no key that fits, or a browser without passkeys: all the same to whoever sits here
      if (told) {
        told.textContent = form.dataset.refused ?? "";
        told.hidden = false;
      }
    }
  });
}
