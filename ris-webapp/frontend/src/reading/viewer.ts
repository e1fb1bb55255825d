// The images: OHIF in a frame beside the report, or in a window of its own that follows the exam being read.

/** What the two windows tell each other; never anything of the patient. */
export type Word = { say: "who" } | { say: "here"; address: string } | { say: "show"; address: string } | { say: "closed" };

export const CHANNEL = "quang-images";
const ANSWER_MS = 1000;
const POPPED_OUT = "quang-images-popped-out";

export interface ViewerAddresses {
  /** OHIF with the studies to show now. */
  frame: string;
  /** The pop-out page with the same studies. */
  window: string;
}

export class Viewer {
  private readonly channel = new BroadcastChannel(CHANNEL);
  private addresses: ViewerAddresses | null = null;
  private poppedOut = false;
  private closing: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly frame: HTMLIFrameElement,
    private readonly changed: (poppedOut: boolean, hasImages: boolean) => void,
    private readonly loaded: (frame: Window) => void,
  ) {
    this.channel.addEventListener("message", (event: MessageEvent<Word>) => this.hear(event.data));
    frame.addEventListener("load", () => {
      if (frame.contentWindow && frame.hasAttribute("src")) this.loaded(frame.contentWindow);
    });
  }

  /** Shows these studies, in the frame or in the window, whichever is in use. */
  show(addresses: ViewerAddresses | null): void {
    const shown = this.addresses?.frame === addresses?.frame && (this.poppedOut || this.frame.hasAttribute("src"));
    this.addresses = addresses;
    if (addresses && this.poppedOut && !shown) {
      this.post({ say: "show", address: addresses.window });
    } else if (addresses && sessionStorage.getItem(POPPED_OUT) && !shown) {
      this.post({ say: "who" }); // the window of the exam before; without an answer it is gone
      this.closing = setTimeout(() => this.dock(), ANSWER_MS);
    } else if (!shown) {
      this.dock();
    }
    this.changed(this.poppedOut, addresses !== null);
  }

  /** Loads the frame again, for images that came after it was opened. */
  reload(): void {
    if (this.poppedOut && this.addresses) this.post({ say: "show", address: this.addresses.window });
    else this.frame.contentWindow?.location.reload();
  }

  popOut(): void {
    if (!this.addresses) return;
    sessionStorage.setItem(POPPED_OUT, "1");
    const opened = window.open(this.addresses.window, "quang-images", "popup,width=1400,height=1000");
    if (opened) this.undock();
    else sessionStorage.removeItem(POPPED_OUT);
  }

  focus(): void {
    if (this.poppedOut && this.addresses) window.open("", "quang-images")?.focus();
    else this.frame.contentWindow?.focus();
  }

  get isPoppedOut(): boolean {
    return this.poppedOut;
  }

  /** Back into the page; the window is closed. */
  dockAgain(): void {
    window.open("", "quang-images")?.close();
    this.dock();
  }

  get hasFocus(): boolean {
    return document.activeElement === this.frame;
  }

  private hear(word: Word): void {
    if (word.say === "here") {
      clearTimeout(this.closing);
      sessionStorage.setItem(POPPED_OUT, "1");
      this.undock();
      if (this.addresses && word.address !== this.addresses.window) {
        this.post({ say: "show", address: this.addresses.window });
      }
    } else if (word.say === "closed") {
      // it also says so when it only goes on to another exam: then it is "here" again in a moment
      clearTimeout(this.closing);
      this.closing = setTimeout(() => this.dock(), 2 * ANSWER_MS);
    }
  }

  private undock(): void {
    this.poppedOut = true;
    this.frame.removeAttribute("src");
    this.changed(true, this.addresses !== null);
  }

  private dock(): void {
    this.poppedOut = false;
    sessionStorage.removeItem(POPPED_OUT);
    if (this.addresses) this.frame.src = this.addresses.frame;
    else this.frame.removeAttribute("src");
    this.changed(false, this.addresses !== null);
  }

  private post(word: Word): void {
    this.channel.postMessage(word);
  }
}
