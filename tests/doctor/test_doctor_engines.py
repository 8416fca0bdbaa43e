"""Which engines doctor finds."""

from moeprof.doctor.check_result import Status
from moeprof.doctor.engines import engines
from moeprof.scenarios.engines.registry import ENGINES


def test_each_package_is_named_once_with_its_version_or_what_is_needed() -> None:
    found = {one.check.removeprefix("engine "): one for one in engines()}
    assert list(found) == list(dict.fromkeys(engine.package for engine in ENGINES.values()))
    for name, engine in ENGINES.items():
        check = found[engine.package]
        absence = engine.absence()
        if absence is None:
            assert check.status is Status.OK
            assert check.evidence.startswith(f"{engine.version(engine.package)}: ")
            assert name in check.evidence
        else:
            assert (check.status, check.evidence) == (Status.SKIP, absence)
            assert name in check.cost
            assert check.remedy == engine.way_out()
