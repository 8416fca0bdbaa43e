"""`moeprof report`: a run as one HTML page."""

from . import render
from .options import DEFAULT_STORE, RunArgument, Store, find_run


def report(run: RunArgument = None, store: Store = DEFAULT_STORE) -> None:
    """Write the run's HTML page, and print its path."""
    from ..report.page import write_report

    render.text(str(write_report(find_run(run, store))))
