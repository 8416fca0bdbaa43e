"""How a share is written in percent, in tables, reasons and reports alike."""


def percent(share: float, decimals: int | None = None, sign: str = "") -> str:
    """Write a share as a number of percent, without the unit; `sign="+"` writes a plus too.

    It has two decimals below 100 % and none above, unless `decimals` says how many. A share that
    rounds to zero has no sign.

    >>> percent(0.0123), percent(-0.000001), percent(12.3), percent(0.5, decimals=0)
    ('1.23', '0.00', '1,230', '50')
    """
    if decimals is None:
        decimals = 2 if abs(share) < 1 else 0
    return f"{100 * share:{sign}z,.{decimals}f}"
