"""Two commits of the user's repository against each other, measured here in turns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...compare.regression.judged import USUAL_RULES, Rules, overall
from ...scenarios.grid import parse_batch_sizes
from ...store.disk.temporary import scratch_folder
from ...store.errors import BadInput, CannotMeasure, shortened
from ...store.verdicts.comparison import Comparison
from ..measure.progress import SILENT, RunProgress, Warnings
from ..revisions.reading import Question, Unreadable, build, run_in
from ..revisions.repository import Commit, Repository, Worktrees
from .own_readings import Value, command, values_of
from .turns import Taken, in_turns

__all__ = ["ComparedRevisions", "RevisionOptions", "compare_revisions"]


@dataclass(frozen=True, slots=True)
class RevisionOptions:
    """What is measured of each commit.

    `ops` are operations as `moeprof profile --ops` takes them, files by their path from the present
    folder; `batch_sizes` likewise. `build` is a shell command that builds a commit in its folder.
    `budget_s` bounds the readings, `reading_s` one of them.
    """

    ops: str
    batch_sizes: str = "1,8,64,256"
    build: str | None = None
    budget_s: float = 600.0
    reading_s: float = 600.0


@dataclass(frozen=True, slots=True)
class ComparedRevisions:
    """A comparison of two commits, how many readings of each it took, and what to warn of."""

    comparison: Comparison
    warnings: tuple[str, ...]


def compare_revisions(
    old: str,
    new: str,
    options: RevisionOptions,
    *,
    rules: Rules = USUAL_RULES,
    folder: Path | None = None,
    progress: RunProgress = SILENT,
) -> ComparedRevisions:
    """Measure two revisions in turns, each in a folder of its own, and judge every change.

    `folder` is in the repository, None for the present one; its checkout is never touched. Raises
    BadInput where a revision is none or the budget is too small, and CannotMeasure where a commit
    cannot be built or read.
    """
    parse_batch_sizes(options.batch_sizes)  # refuses them before anything is built
    repository, warnings = Repository(folder or Path.cwd()), Warnings(progress)
    commits = (repository.resolve(old), repository.resolve(new))
    if repository.is_dirty():
        warnings.add(["the checkout has changes that no commit holds: they are not measured"])
    with scratch_folder() as scratch:
        trees = Worktrees(repository, scratch)
        folders = [_built(trees, repository, commit, options) for commit in commits]
        progress.notice(f"OLD {_named(commits[0])}; NEW {_named(commits[1])}")
        taken = in_turns(
            lambda is_new: _read(folders[is_new], commits[is_new], options),
            rules,
            options.budget_s,
            progress,
        )
    comparison = Comparison(
        kind="revisions",
        old=_named(commits[0]),
        new=_named(commits[1]),
        verdict=overall(taken.ops),
        min_effect=rules.min_effect,
        alpha=rules.alpha,
        ops=taken.ops,
        sizes=taken.sizes,
        shifts=(),
        differs={},
        not_compared=taken.not_compared,
        remarks=tuple(_remarks(taken)),
    )
    return ComparedRevisions(comparison, warnings.texts)


def _remarks(taken: Taken) -> Iterator[str]:
    yield f"{taken.readings} readings of each commit, in turns"
    if taken.spikes:
        yield (
            f"{taken.spikes} of {2 * taken.readings} readings lie far from all others of an"
            " operation and do not count for it"
        )


def _named(commit: Commit) -> str:
    return f"{commit.short} ({shortened(commit.subject, 40)})"


def _built(
    trees: Worktrees, repository: Repository, commit: Commit, options: RevisionOptions
) -> Path:
    """The folder of a commit that is like the present one, built."""
    folder = trees.check_out(commit) / repository.prefix()
    try:
        build(folder, Question((), None, options.build, options.reading_s))
    except Unreadable as why:
        raise CannotMeasure(
            f"{commit.short} cannot be measured: {why}",
            hint="see that --build works at both",
        ) from why
    return folder


def _read(folder: Path, commit: Commit, options: RevisionOptions) -> Sequence[Value]:
    """One reading of a commit."""
    done = run_in(folder, command(options.ops, options.batch_sizes), options.reading_s)
    if done.exit_code == BadInput.exit_code:
        raise BadInput(f"{commit.short}: {done.last_words}", hint="name what both commits have")
    try:
        if done.exit_code == 0:
            return values_of(done.stdout)
    except ValueError as error:
        raise CannotMeasure(f"a reading of {commit.short} is none: {error}") from error
    raise CannotMeasure(f"{commit.short} cannot be measured: {done.last_words}")
