"""The field `queue` of `step_time_model.json`: delays of requests outside their steps."""

from dataclasses import dataclass

from ..document import Amount, Count, Share


@dataclass(frozen=True, slots=True)
class DelayScore:
    """Errors on groups that a fit never saw: runs, or tenths of a run in the order of time.

    `median` and `p90` are those of |predicted / measured - 1|, `constant` the median error of the
    median delay of the other groups, `mae_us` the mean absolute error.
    """

    median: Amount
    p90: Amount
    constant: Amount
    mae_us: Amount
    groups: Count


@dataclass(frozen=True, slots=True)
class DelayFit:
    """One delay: the sum of coefficient x column (costmodel/steptime/queue/delay_columns.py).

    `coefficients` are us per piece of the column that they are named after, and never negative; a
    column that the journeys do not hold, or hold as one value, is named in `unknown` and has no
    coefficient. `rows` were fitted. `score` is None where there are too few groups to leave out.
    """

    coefficients: dict[str, Amount]
    unknown: tuple[str, ...]
    rows: Count
    score: DelayScore | None


@dataclass(frozen=True, slots=True)
class QueueModel:
    """Delays by journeys of requests.

    `arrival` is from the arrival of a request to its queueing, `wait` from queueing to scheduling,
    `token` the time between two tokens of a request, which holds the step, `delivery` from the
    engine's first token to the server's first response. One is None where no journey has it:
    `missing` says why. Above each of `kv_thresholds`, shares of the cache in use, waiting grows.
    """

    kv_thresholds: tuple[Share, ...]
    arrival: DelayFit | None
    wait: DelayFit | None
    token: DelayFit | None
    delivery: DelayFit | None
    missing: dict[str, str]
    requests: Count
    runs: Count
