"""Run the selftest: its steps in order, what each found written at once, and all of it packed."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from ... import __version__
from ...store.disk.sync import make_folder
from ...store.document import write_document
from ...store.errors import BadInput, check_type, path_argument
from ...store.files import cannot_write
from ...store.run import DEFAULT_STORE
from ..measure.progress import SILENT, RunProgress
from .archive import pack
from .claims import judge
from .results import Facts, Selftest, StepOutcome, StepResult
from .schedule import STEPS, Step, ends_s
from .step_process import CommandOf, StepRun, program

BUDGET_S: Final = 480.0
_WELL_S: Final = 240.0  # from this budget on, a step that does not end in its share of it hangs
_LEAST_S: Final = 1.0  # left of the budget to begin a step


@dataclass(frozen=True, slots=True)
class SelftestResult:
    """What came of a selftest, its folder, and its archive to be sent.

    `unwritten` is why the last of it could not be written, such as a full disk; None where it was.
    """

    selftest: Selftest
    folder: Path
    archive: Path
    unwritten: BadInput | None = None


def selftest(
    *,
    store: Path | str = DEFAULT_STORE,
    budget_s: float = BUDGET_S,
    progress: RunProgress = SILENT,
    command_of: CommandOf = program,
) -> SelftestResult:
    """Run every step within `budget_s` into a new folder below `store`.

    A step that fails, hangs or crashes ends no other. `selftest.json` and the archive are written
    anew after each; where they cannot be, the steps go on, and the result says why. `command_of`
    gives the command of a step's process. Raises BadInput for a budget that is not above 0, and
    where the folder cannot be made. A KeyboardInterrupt leaves what there is by then.
    """
    check_type("budget_s", budget_s, float, int)
    if not budget_s > 0:
        raise BadInput(f"budget_s is {budget_s}", hint="it must be longer than 0 s")
    folder = _new_folder(path_argument("store", store))
    running = _Running(folder, budget_s, progress, command_of)
    progress.notice(f"selftest: at most {budget_s:.0f} s, into {folder}")
    if budget_s < _WELL_S:
        shorter = f"a budget of {budget_s:g} s is less than {_WELL_S:g} s"
        progress.warning(f"{shorter}: steps that are well may be cut off, and count as skipped")
    try:
        for step in STEPS:
            running.run(step)
    except KeyboardInterrupt:
        running.write(ended=False)
        raise KeyboardInterrupt(f"what there is by now: {running.archive}") from None
    ended = running.write(ended=True)
    return SelftestResult(ended, folder, running.archive, running.unwritten)


@dataclass(slots=True)
class _Running:
    """A selftest that is running, with what its steps found so far."""

    folder: Path
    budget_s: float
    progress: RunProgress
    command_of: CommandOf
    steps: list[StepResult] = field(default_factory=list)
    facts: dict[str, Facts] = field(default_factory=dict)
    unwritten: BadInput | None = None
    begin_s: float = field(default_factory=time.monotonic)
    utc: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def archive(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.tar.gz")

    def run(self, step: Step) -> None:
        """Run a step in what is left of its time, where it can; write what there is."""
        limit_s = ends_s(self.budget_s)[step.name] - (time.monotonic() - self.begin_s)
        source = next((one for one in self.steps if one.step == step.source), None)
        if source is not None and source.outcome is StepOutcome.SKIPPED:
            result = _skipped(step, str(source.reason))
        elif limit_s < _LEAST_S:
            result = replace(_skipped(step, "the budget was spent"), by_budget=True)
        else:
            result = self._run(step, limit_s)
            if source is not None and {source.outcome, result.outcome} == {StepOutcome.FAILED}:
                result = _skipped(step, f"{source.step}: {source.reason}", result)
        self.steps.append(result)
        self._tell(result)
        self.write(ended=False)

    def _run(self, step: Step, limit_s: float) -> StepResult:
        number = f"{len(self.steps) + 1}/{len(STEPS)}"
        self.progress.notice(f"{number} {step.name}: {step.what}; {limit_s:.0f} s at most")
        facts = self.facts.setdefault(step.name, {})
        device = self._told("device")
        result = StepRun(
            step, self.folder, limit_s, self.progress, facts, self.command_of, device
        ).run()
        is_late = result.outcome is StepOutcome.FAILED and result.took_s >= limit_s
        if not is_late or self.budget_s >= _WELL_S:
            return result
        reason = f"the budget cut it off after {limit_s:.0f} s"
        return replace(result, outcome=StepOutcome.SKIPPED, reason=reason, by_budget=True)

    def _tell(self, result: StepResult) -> None:
        if result.outcome is StepOutcome.FAILED:
            self.progress.warning(f"{result.step} failed: {result.reason}")
        elif result.outcome is StepOutcome.SKIPPED:
            self.progress.notice(f"{result.step} was skipped: {result.reason}")

    def write(self, *, ended: bool) -> Selftest:
        """Write `selftest.json` and the archive; the former says what the latter lacks."""
        found = self._now(ended, ())
        before, self.unwritten = self.unwritten, None
        try:
            left_out = self._write(found)
            if left_out:
                found = self._now(ended, left_out)
                self._write(found)
        except BadInput as refusal:
            self.unwritten = refusal
            if before is None:
                self.progress.warning(refusal.message)
        return found

    def _write(self, found: Selftest) -> tuple[str, ...]:
        write_document(self.folder / "selftest.json", found)
        return pack(self.folder, self.archive)

    def _now(self, ended: bool, left_out: tuple[str, ...]) -> Selftest:
        device, name = self._told("device"), self._told("device_name")
        return Selftest(
            utc=self.utc,
            version=__version__,
            budget_s=self.budget_s,
            device=device,
            device_name=name,
            ended=ended,
            steps=tuple(self.steps),
            claims=judge(self.steps, self.facts, device),
            left_out=left_out,
        )

    def _told(self, name: str) -> str | None:
        """A fact that every step tells alike, from the first that told it."""
        return next((facts[name] for facts in self.facts.values() if name in facts), None)


def _skipped(step: Step, reason: str, ran: StepResult | None = None) -> StepResult:
    """A step that did not run, or that `ran` on what a failed one left: one fault counts once."""
    limit_s, took_s = (ran.limit_s, ran.took_s) if ran is not None else (0.0, 0.0)
    return StepResult(step.name, StepOutcome.SKIPPED, limit_s, took_s, reason)


def _new_folder(store: Path) -> Path:
    """Make a folder by the time that no other selftest has. Raises BadInput where it cannot."""
    now = f"selftest-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    try:
        make_folder(store)
        for folder in (store / name for name in _names(now)):
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise cannot_write(store, error) from error
    raise AssertionError("there is always another name")


def _names(first: str) -> Iterator[str]:
    yield first
    yield from (f"{first}-{number}" for number in count(2))
