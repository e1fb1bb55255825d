// Approving: what is typed is saved first; what a template left open is pointed at before it is signed away.
import { toast } from "../js/toast";
import type { DraftKeeper } from "./draft";
import type { Editor } from "./editor";
import { phrase } from "./phrase";
import { ask } from "./server";
import type { Status } from "./status";

export type VersionStatus = "P" | "F" | "C";
const RIGHT = { P: "approve_preliminary", F: "approve_final", C: "approve_corrected" } as const;
const ASK_AGAIN_MS = 8000;

export class Approval {
  private running = false;
  /** Until when a second press approves in spite of a gap. */
  private gapShownUntil = 0;

  constructor(
    private readonly editor: Editor,
    private readonly keeper: DraftKeeper,
    private readonly address: string,
    private readonly status: () => Status,
    private readonly refresh: () => Promise<void>,
    private readonly leave: () => void,
  ) {}

  async approve(status: VersionStatus, next: boolean): Promise<void> {
    if (this.running) return;
    if (!this.status().rights[RIGHT[status]]) return toast(phrase("cannot_approve"), "error");
    if (!this.editor.says("conclusion")) {
      toast(phrase("conclusion_missing"), "error");
      return this.editor.focus("conclusion");
    }
    if (Date.now() > this.gapShownUntil && this.editor.selectGap()) {
      this.gapShownUntil = Date.now() + ASK_AGAIN_MS;
      return toast(phrase("gap_left"), "error");
    }
    this.running = true;
    try {
      await this.send(status, next);
    } finally {
      this.running = false;
    }
  }

  private async send(status: VersionStatus, next: boolean): Promise<void> {
    if (!(await this.keeper.flush())) return toast(phrase("approve_unsaved"), "error");
    const body = { revision: this.keeper.currentRevision, status, next };
    const answer = await ask<{ next: string | null; version: number }>(this.address, body);
    if (answer.kind === "problem") {
      toast(`${answer.problem.detail} (${answer.problem.code})`, "error");
      const flaws = answer.body.flaws as { code: string; text: string }[] | undefined;
      if (flaws) return this.editor.showFlaws(flaws);
      return this.refresh();
    }
    if (answer.kind !== "ok") return toast(phrase(`action_${answer.kind}`), "error");
    if (answer.value.next) {
      this.leave();
      location.assign(answer.value.next);
      return;
    }
    toast(phrase(next ? "approved_last" : "approved", { version: answer.value.version }));
    await this.refresh();
  }
}
