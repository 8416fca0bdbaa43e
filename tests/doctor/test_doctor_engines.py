"""Which engines doctor finds."""

from moeprof.doctor.check_result import Status
from moeprof.doctor.engines import engines
from moeprof.scenarios.engines.registry import ENGINES


def test_each_installed_engine_has_a_row_and_the_others_one_together() -> None:
    found = {one.check: one for one in engines()}
    for name, engine in ENGINES.items():
        version, absence = engine.version(engine.package), engine.absence()
        check = found.get(f"engine {engine.package}", found.get("other engines"))
        assert check is not None
        if version is None:
            assert engine.package in check.evidence
        elif absence is None:
            assert check.status is Status.OK
            assert check.evidence.startswith(f"{version}: ")
            assert name in check.evidence
        else:
            assert (check.status, check.evidence) == (Status.SKIP, absence)
            assert name in check.cost
            assert check.remedy == engine.way_out()
