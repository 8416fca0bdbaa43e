"""The limits of a verdict: how far the median, a band, the 95th percentile and a size may be off.

All are multiples of the limit on the median. Of 164 public curves, 24 points each, the median one
has a median error of 1.1 %, a 95th percentile of 5 % and a worst reserved size that is off by 7 %;
in 19 of 20 they are 3.4, 19 and 31 % at most. So a limit of 3 % on the median goes with 15 % and
30 %. The median of a band, which has few sizes, may be twice that of all sizes.
"""

from typing import Final

from ..store.verdicts.parts import ErrorLimits

BAND_TIMES: Final = 2.0
P95_TIMES: Final = 5.0
WORST_TIMES: Final = 10.0


def limits_from(median: float) -> ErrorLimits:
    """All limits from the one on the median error."""
    return ErrorLimits(median, BAND_TIMES * median, P95_TIMES * median, WORST_TIMES * median)
