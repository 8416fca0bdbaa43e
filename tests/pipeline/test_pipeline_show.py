"""A model as it is shown."""

from moeprof.pipeline.build import build_model
from moeprof.pipeline.show import show_model
from moeprof.store.run import Run
from moeprof.tests.pipeline.conftest import latency_us


def test_a_curve_is_sampled_from_the_first_to_the_last_size_of_its_domain(recorded: Run) -> None:
    built = build_model(recorded.folder)
    view = show_model(built.path, steps=6, max_curves=1)
    assert view.file == built.model
    assert view.heat is None
    (latencies_us,) = view.latencies_us
    assert len(latencies_us) == 6
    assert latencies_us[0] < latencies_us[-1]
    assert abs(latencies_us[-1] / latency_us(32) - 1) < 0.01
    assert show_model(built.path, steps=6, max_curves=0).latencies_us == ()


def test_a_model_that_is_older_than_its_run_says_so(recorded: Run) -> None:
    build_model(recorded.folder)
    assert show_model(recorded.folder, steps=3, max_curves=1).stale is None
    recorded.unit("cpu", "gelu.0").rename(recorded.folder / "aside")
    stale = str(show_model(recorded.folder, steps=3, max_curves=1).stale)
    assert "was built from other recordings" in stale
    assert f"moeprof build-model {recorded.folder}" in stale
