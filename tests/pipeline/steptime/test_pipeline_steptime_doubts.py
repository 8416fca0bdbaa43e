"""What no row tells is told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.steptime.doubts import doubts
from moeprof.pipeline.steptime.fit import fit_steps
from moeprof.pipeline.steptime.predict import Asked, predict
from moeprof.tests.costmodel.steptime.public_folder import public_folder

ASKED = Asked("llama-3-8b", "H100", "bf16", "vllm", 1, 1, 1, (1, 32), 800, 400)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a small folder."""
    folder = tmp_path_factory.mktemp("public")
    fit_steps(public_folder(folder), folder / "m.json")
    return folder / "m.json"


def test_a_step_shorter_than_reading_the_weights_is_told(path: Path, tmp_path: Path) -> None:
    body = json.loads(path.read_text())
    configuration = predict(path, ASKED).memory.served.configuration
    body["steps"]["mean"]["own"] = {
        "by_configuration": {
            configuration: {
                "form": "blackbox", "coefficients": [1.0, 0.0, 0.0], "errors": {}, "rows": 9,
                "domain": [[1.0, 64.0], [1.0, 1e5], [0.0, 1e5]], "log_error": 0.1,
            }
        },
        "log_quantiles": {"90": 2.0},
        "errors": {},
    }  # fmt: skip
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(body))
    told = "shorter than reading the weights of one token once"
    assert not any(told in one for one in doubts(predict(path, ASKED)))
    assert any(told in one for one in doubts(predict(changed, ASKED)))


def test_an_interval_that_rows_are_too_few_to_tell_is_told(path: Path) -> None:
    told = "to tell how far a new engine is off"
    assert not any(told in one for one in doubts(predict(path, ASKED)))
    new = predict(path, replace(ASKED, engine="another"))
    assert any(told in one for one in doubts(new))
