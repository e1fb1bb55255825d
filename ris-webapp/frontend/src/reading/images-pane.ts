// The images' side of the page: the viewer, what is told while images are missing or on their way, comparison with a
// prior, and the grant that is renewed while somebody is at work.
import { toast } from "../js/toast";
import { phrase } from "./phrase";
import { ask } from "./server";
import type { Status } from "./status";
import { Viewer, type ViewerAddresses } from "./viewer";

const KEEP_MS = 5 * 60_000;

export class ImagesPane {
  private readonly viewer: Viewer;
  private readonly note: HTMLElement;
  private readonly more: HTMLButtonElement;
  private images: Status["images"] | null = null;
  private instancesShown = 0;
  private beside: { prior: number; addresses: ViewerAddresses } | null = null;
  private opened: number[] = [];
  private active = false;

  constructor(
    private readonly pane: HTMLElement,
    private readonly compareAddress: string,
    keepAddress: string,
  ) {
    const frame = pane.querySelector("iframe");
    const note = pane.querySelector<HTMLElement>("[data-note]");
    const more = pane.querySelector<HTMLButtonElement>("[data-more]");
    if (!frame || !note || !more) throw new Error("the images' side lacks its frame, its note or its button");
    this.note = note;
    this.more = more;
    this.viewer = new Viewer(frame, (poppedOut, hasImages) => this.placed(poppedOut, hasImages), (inside) => this.listenIn(inside));
    more.addEventListener("click", () => this.loadMore());
    document.getElementById("pop-out")?.addEventListener("click", () => this.popOut());
    for (const name of ["keydown", "pointerdown"]) addEventListener(name, () => (this.active = true), { capture: true, passive: true });
    setInterval(() => {
      // only while somebody works: a page left open must not keep the session alive
      if (this.active) void ask(keepAddress, { priors: this.beside ? [this.beside.prior] : this.opened });
      this.active = false;
    }, KEEP_MS);
  }

  show(images: Status["images"]): void {
    const same = this.images?.addresses && images.addresses && this.images.studies.join() === images.studies.join();
    // what lies beside them stays as the page was opened: nothing is laid out anew under somebody's eyes
    if (same) images = { ...images, beside: this.opened, addresses: this.images?.addresses ?? null };
    const first = this.images?.addresses?.frame !== images.addresses?.frame;
    this.images = images;
    this.opened = images.beside;
    if (first || this.instancesShown === 0) this.instancesShown = images.instances;
    if (!this.beside) this.viewer.show(images.addresses);
    if (this.note.innerHTML !== images.note) this.note.innerHTML = images.note;
    this.note.hidden = images.note === "";
    this.pane.dataset.state = images.state;
    const newer = images.addresses ? images.instances - this.instancesShown : 0;
    this.more.hidden = newer <= 0;
    this.more.textContent = phrase("more_images", { count: newer });
  }

  /** Lays a prior's images beside the exam's, or takes them away again; the prior that lies beside now, if any. */
  async compare(prior: number): Promise<number | null> {
    if (this.beside?.prior === prior) {
      this.beside = null;
      this.viewer.show(this.images?.addresses ?? null);
      return null;
    }
    const answer = await ask<ViewerAddresses>(this.compareAddress, { priors: [prior] });
    if (answer.kind !== "ok") {
      toast(answer.kind === "problem" ? answer.problem.detail : phrase(`action_${answer.kind}`), "error");
      return this.beside?.prior ?? null;
    }
    this.beside = { prior, addresses: answer.value };
    this.viewer.show(answer.value);
    return prior;
  }

  popOut(): void {
    if (this.viewer.isPoppedOut) this.viewer.dockAgain();
    else this.viewer.popOut();
  }

  focus(): void {
    this.viewer.focus();
  }

  get hasFocus(): boolean {
    return this.viewer.hasFocus;
  }

  private loadMore(): void {
    this.instancesShown = this.images?.instances ?? 0;
    this.more.hidden = true;
    this.viewer.reload();
  }

  private placed(poppedOut: boolean, hasImages: boolean): void {
    this.pane.classList.toggle("is-popped-out", poppedOut);
    this.pane.classList.toggle("has-images", hasImages);
    document.getElementById("reading")?.classList.toggle("is-popped-out", poppedOut);
    document.getElementById("pop-out")?.setAttribute("aria-pressed", String(poppedOut));
  }

  /** Function keys pressed among the images are the page's; every other key stays the viewer's. */
  private listenIn(inside: Window): void {
    inside.addEventListener(
      "keydown",
      (event) => {
        this.active = true;
        if (!/^F\d+$/.test(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
        const { key, shiftKey } = event;
        const ours = new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, cancelable: true });
        if (!document.dispatchEvent(ours)) {
          event.preventDefault();
          event.stopPropagation();
        }
      },
      { capture: true },
    );
    inside.addEventListener("pointerdown", () => (this.active = true), { capture: true, passive: true });
  }
}
