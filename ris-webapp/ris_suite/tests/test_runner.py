"""Setup steps: order, stamps, and what is said about a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from ris_suite import layout
from ris_suite.setup.runner import Step, StepFailed, StepLog, run_steps


@pytest.fixture(autouse=True)
def engine_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    engine = tmp_path / ".engine"
    engine.mkdir()
    monkeypatch.setattr(layout, "REPOSITORY", tmp_path)
    monkeypatch.setattr(layout, "ENGINE", engine)
    monkeypatch.setattr(layout, "STAMPS", engine / "stamps")
    monkeypatch.setattr(layout, "SETUP_LOGS", engine / "logs")
    return engine


class Made:
    """Steps that write down in which order they ran."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def step(
        self,
        name: str,
        *,
        needs: tuple[str, ...] = (),
        remade_with: tuple[str, ...] = (),
        inputs: tuple[Path | str, ...] = (),
    ) -> Step:
        return Step(
            name, name, lambda log: self.order.append(name), needs=needs, remade_with=remade_with, inputs=inputs
        )


def test_a_step_runs_after_what_it_needs_and_once_only() -> None:
    made = Made()
    steps = [made.step("packages"), made.step("root", needs=("packages",)), made.step("plugins", needs=("root",))]
    assert run_steps(steps)
    assert run_steps(steps)
    assert made.order == ["packages", "root", "plugins"]


def test_a_changed_input_runs_the_step_again(tmp_path: Path) -> None:
    made = Made()
    lock = tmp_path / "uv.lock"
    lock.write_text("one")
    steps = [made.step("virtualenv", inputs=(lock,))]
    run_steps(steps)
    lock.write_text("two")
    run_steps(steps)
    assert made.order == ["virtualenv", "virtualenv"]


def test_a_lost_product_runs_the_step_again(tmp_path: Path) -> None:
    product = tmp_path / "viewer"
    step = Step("viewer", "viewer", lambda log: product.mkdir(), products=(product,))
    run_steps([step])
    product.rmdir()
    assert not step.current()
    assert run_steps([step])
    assert product.exists()


def test_what_is_made_inside_another_product_is_made_again_with_it() -> None:
    made = Made()
    run_steps([made.step("root", inputs=("1",)), made.step("postgresql", needs=("root",), remade_with=("root",))])
    run_steps([made.step("root", inputs=("2",)), made.step("postgresql", needs=("root",), remade_with=("root",))])
    assert made.order == ["root", "postgresql", "root", "postgresql"]


def test_a_failure_says_why_shows_the_log_and_leaves_no_stamp(capsys: pytest.CaptureFixture[str]) -> None:
    def download(log: StepLog) -> None:
        log.run(["sh", "-c", "echo certificate verify failed; exit 7"], why="PyPI could not be reached")

    made = Made()
    failing = Step("uv", "uv", download)
    assert not run_steps([failing, made.step("virtualenv", needs=("uv",))])
    said = capsys.readouterr().err
    assert "PyPI could not be reached (exit status 7" in said
    assert "certificate verify failed" in said
    assert made.order == []
    assert not failing.current()


def test_a_step_that_fails_by_itself_raises_what_it_says() -> None:
    log = StepLog(layout.SETUP_LOGS / "step.log")
    log.begin()
    with pytest.raises(StepFailed, match="nothing there"):
        log.run(["false"], why="nothing there")
