"""A model with energy, for tests in any folder of the cost model."""

import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import CostModelFile
from moeprof.tests.builders import make_model_file, make_points


@pytest.fixture
def file() -> CostModelFile:
    """Model of 100 W idle and 5 W more for each token, without a thermal response."""
    metered = {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": 100.0}
    tables = [
        make_points(lambda _: 10.0, [size], energy_mj=(100 + 5 * size) / 100, **metered)
        for size in range(1, 102, 10)
    ]
    return make_model_file(*tables)


@pytest.fixture
def model(file: CostModelFile) -> KernelCostModel:
    """Give the model of the test file's `file`."""
    return KernelCostModel.from_file(file)
