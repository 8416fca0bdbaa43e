"""Predict rows by fits that saw nothing of their group, by what is left out."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, get_args

import numpy as np

from ....compare.steptime.predicted import Predicted, together
from ....costmodel.steptime.fit.targets import rows_telling, why_too_few
from ....costmodel.steptime.rows.serving_rows import Places, ServingRows, columns_of
from ....store.errors import BadInput
from ....store.serving.step_time_model import Target
from .judged import QUANTITIES, STEPS, JudgedEnergy, JudgedSteps
from .learnt import Learnt
from .splits import Bundle, LeftOut, Split, bundle_of, bundles_of

Report = Callable[[str, int, int], None]  # what is fitted next, after how many of how many
_TARGETS: Final[tuple[Target, ...]] = get_args(Target)
_TOLD_BY_GROUP: Final = frozenset({"model", "ngpu", "engine"})  # rows are told by GPU in any case


@dataclass(frozen=True, slots=True)
class Refits:
    """Predictions by quantity, and why a quantity or a group of its rows has none."""

    predicted: tuple[Predicted, ...]
    unjudged: dict[str, str]


def refit(rows: ServingRows, left_out: LeftOut, report: Report) -> Refits:
    """Predict every row that can be, without its group.

    Raises BadInput where there is nothing to leave out, or nothing that a fit can be made from.
    """
    unjudged: dict[str, str] = {}
    kinds = [_Kind(target, rows_telling(rows, target), unjudged) for target in _TARGETS]
    kinds.sort(key=lambda kind: len(kind.rows), reverse=True)
    work = [(kind, bundle) for kind in kinds for bundle in kind.bundles(left_out)]
    for done, (kind, bundle) in enumerate(work):
        groups = ", ".join(split.group for split in bundle.splits)
        report(f"{kind.target} step: {groups}", done, len(work))
        kind.add(bundle)
    predicted = [one for kind in kinds for one in kind.predicted()]
    if left_out not in _TOLD_BY_GROUP:
        predicted = [replace(one, left_out=None) for one in predicted]
    if left_out == "time":
        predicted = [_all_later(one) for one in predicted]
    if not predicted:
        raise _nothing(STEPS[kinds[0].target], unjudged)
    report("done", len(work), len(work))
    predicted.sort(key=lambda one: QUANTITIES.index(one.quantity))
    return Refits(tuple(predicted), unjudged)


def _all_later(predicted: Predicted) -> Predicted:
    """The same without times: all of these rows are the last, and have no first ones among them."""
    unknown = np.full(len(predicted.rows), np.nan)
    return replace(predicted, rows=replace(predicted.rows, time_s=unknown))


def _nothing(quantity: str, unjudged: dict[str, str]) -> BadInput:
    """Refuse rows by the reason on a quantity, or on the first of its groups."""
    of_groups = [why for named, why in unjudged.items() if named.startswith(quantity)]
    why = unjudged.get(quantity, of_groups[0])
    return BadInput(
        f"no {quantity} can be predicted by a fit of other rows: {why}",
        hint="give more rows, or leave out less: --leave-one configuration",
    )


@dataclass(slots=True)
class _Kind:
    """A kind of step, and what was predicted of its rows so far."""

    target: Target
    rows: ServingRows
    unjudged: dict[str, str]
    parts: dict[str, list[tuple[str, Places, Predicted]]] = field(default_factory=dict)

    def bundles(self, left_out: LeftOut) -> tuple[Bundle, ...]:
        """What to leave out; nothing, with the reason, where that cannot be."""
        if not (why := why_too_few(self.rows, self.target)):
            undated = int(np.isnan(self.rows.time_s).sum())
            if left_out == "time" and undated:
                named = f"{STEPS[self.target]} of rows without a time"
                self.unjudged[named] = f"{undated} of {len(self.rows)} rows"
            try:
                return bundles_of(self.rows, left_out)
            except BadInput as error:
                why = str(error)
        self.unjudged[STEPS[self.target]] = why
        return ()

    def add(self, bundle: Bundle) -> None:
        """Predict the rows of a bundle, each by a fit without its group.

        Where a bundle leaves too few rows to learn from, each of its splits is one of its own.
        """
        # Splits take their columns from those of all rows, which are counted here, once.
        columns_of(self.rows)
        learning = self.rows.taken(bundle.others)
        if why := why_too_few(learning, self.target):
            if len(bundle.splits) > 1:
                for split in bundle.splits:
                    self.add(bundle_of(split))
            else:
                self.unjudged[f"{STEPS[self.target]} of {bundle.splits[0].group}"] = why
            return
        tested = np.concatenate([split.tested for split in bundle.splits])
        learnt = Learnt.of(learning, self.rows.taken(tested))
        for split in bundle.splits:
            self._predict(split, learnt)

    def _predict(self, split: Split, learnt: Learnt) -> None:
        """Predict the rows of one split: steps, and at mean steps power and energy."""
        training, tested = self.rows.taken(split.training), self.rows.taken(split.tested)
        steps = JudgedSteps.fitted(training, learnt)
        self._keep(split.group, split.tested, steps.predicted(self.target, tested))
        has_power = np.flatnonzero(np.isfinite(tested.power_w))
        if self.target != "mean" or not len(has_power):
            return
        powered = training.taken(np.flatnonzero(np.isfinite(training.power_w)))
        if why := why_too_few(powered, "power"):
            self.unjudged[f"power of {split.group}"] = why
            return
        some = tested.taken(has_power)
        for told in JudgedEnergy.fitted(powered, learnt).predicted(some, steps):
            self._keep(split.group, split.tested[has_power], told)

    def _keep(self, group: str, places: Places, told: Predicted) -> None:
        self.parts.setdefault(told.quantity, []).append((group, places, told))

    def predicted(self) -> list[Predicted]:
        """What was predicted, by quantity."""
        return [together(self.rows, parts) for parts in self.parts.values()]
