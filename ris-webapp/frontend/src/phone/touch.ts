// Fingers on the image: one moves through the series (or the enlarged image), two enlarge, two taps put it back.

const STEP_PX = 14;
const MOST_ENLARGED = 8;
const TAP_MS = 300;

export class Touch {
  private readonly pointers = new Map<string, { x: number; y: number }>();
  private scale = 1;
  private x = 0;
  private y = 0;
  private walked = 0;
  private lastTap = 0;
  private moved = false;

  constructor(
    private readonly stage: HTMLElement,
    private readonly image: HTMLElement,
    private readonly step: (by: number) => void,
    private readonly enlarged: (scale: number) => void,
  ) {
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"] as const) stage.addEventListener(name, (event) => this.up(event));
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  reset(): void {
    this.scale = 1;
    this.x = this.y = 0;
    this.place();
  }

  private down(event: PointerEvent): void {
    if (event.target instanceof Element && event.target.closest("a, video, button")) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(String(event.pointerId), { x: event.clientX, y: event.clientY });
    this.moved = false;
    this.walked = 0;
  }

  private move(event: PointerEvent): void {
    const before = this.pointers.get(String(event.pointerId));
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== String(event.pointerId))?.[1];
      if (other) this.pinch(before, now, other);
    } else if (this.scale > 1) {
      this.x += dx;
      this.y += dy;
      this.place();
    } else {
      this.walked += dy;
      const steps = Math.trunc(this.walked / STEP_PX);
      if (steps) this.step(steps);
      this.walked -= steps * STEP_PX;
    }
    if (Math.abs(dx) + Math.abs(dy) > 2) this.moved = true;
    this.pointers.set(String(event.pointerId), now);
  }

  private up(event: PointerEvent): void {
    if (!this.pointers.delete(String(event.pointerId))) return;
    if (this.pointers.size > 0 || this.moved) return;
    if (event.timeStamp - this.lastTap < TAP_MS) this.reset();
    this.lastTap = event.timeStamp;
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    if (event.ctrlKey) this.zoom(Math.exp(-event.deltaY / 200), event.clientX, event.clientY);
    else this.step(Math.sign(event.deltaY));
  }

  private pinch(before: { x: number; y: number }, now: { x: number; y: number }, other: { x: number; y: number }): void {
    const distance = (one: { x: number; y: number }): number => Math.hypot(one.x - other.x, one.y - other.y) || 1;
    this.zoom(distance(now) / distance(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  }

  private zoom(by: number, atX: number, atY: number): void {
    const box = this.stage.getBoundingClientRect();
    const scale = Math.min(MOST_ENLARGED, Math.max(1, this.scale * by));
    const [cx, cy] = [atX - box.left - box.width / 2, atY - box.top - box.height / 2];
    this.x = cx - ((cx - this.x) * scale) / this.scale;
    this.y = cy - ((cy - this.y) * scale) / this.scale;
    this.scale = scale;
    if (scale === 1) this.x = this.y = 0;
    this.place();
    this.enlarged(scale);
  }

  private place(): void {
    this.image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
  }
}
