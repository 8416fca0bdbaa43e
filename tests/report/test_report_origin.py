from dataclasses import replace

import pytest

from moeprof.costmodel.thermal.poles import ThermalModel
from moeprof.costmodel.thermal.response import with_thermal
from moeprof.energy.faults import Fault
from moeprof.report.contents import Contents, read_contents
from moeprof.report.origin import plan_section, provenance_section, reproduce_section
from moeprof.store.cost_model import Pole
from moeprof.store.provenance import Gpu, Provenance
from moeprof.store.run import Run


@pytest.fixture
def contents(full_run: Run) -> Contents:
    return read_contents(full_run)


def test_the_plan_names_its_choices_and_sizes(contents: Contents) -> None:
    page = plan_section(contents)
    for text in ("small (built in)", "adaptive, up to 24 sizes", "180 s", "60 s", "1..512"):
        assert text in page
    for op_plan in contents.plan.ops:
        assert op_plan.curve in page


def test_a_users_own_file_is_named_without_its_folders(contents: Contents) -> None:
    own = replace(contents.plan.ops[0], source="/home/someone/my_op.py")
    plan = replace(contents.plan, ops=(own,), preset_source="/home/someone/mine.toml")
    changed = replace(contents, plan=plan)
    for page in (plan_section(changed), reproduce_section(changed)):
        assert "my_op.py" in page
        assert "someone" not in page


def test_the_machine_and_its_software_stand_in_the_page(provenance: Provenance) -> None:
    page = provenance_section(provenance)
    for text in ("Example CPU 9000", "33,554,432 bytes", "2.13.0+cpu", provenance.host_hash):
        assert text in page
    assert f"{provenance.git_commit}, with changes not committed" in page
    assert "GPU UUID" not in page


def test_unknown_properties_of_the_gpu_are_not_known(provenance: Provenance, gpu: Gpu) -> None:
    page = provenance_section(replace(provenance, gpu=gpu))
    assert "700.0 W" in page
    assert '<th scope="row">driver</th><td>not known</td>' in page
    assert '<th scope="row">MIG</th><td>not known</td>' in page


def test_the_thermal_model_is_listed_with_the_machine(contents: Contents) -> None:
    assert contents.model is not None
    poles = ThermalModel((Pole(3.0, 0.02), Pole(60.0, 0.05)), 30.0, rmse_c=0.3, hot_s=120.0)
    heated = with_thermal(contents.model, poles, 2990, "simulated")
    page = provenance_section(contents.provenance, heated)
    assert "0.07 K for each W above idle, by simulated; steady; poles: 0.02 K/W in 3 s" in page
    cold = replace(contents.model, thermal=None, thermal_reason=Fault.GPU_LOST)
    row = f'<th scope="row">heat</th><td>{Fault.GPU_LOST}</td>'
    assert row in provenance_section(contents.provenance, cold)
    assert "heat" not in provenance_section(contents.provenance)


def test_the_commands_repeat_the_plan(contents: Contents) -> None:
    page = reproduce_section(contents)
    assert "moeprof profile --ops fc1,fc2,gelu,relu,dequant_unpack,dequant_linear,topk" in page
    for option in ("--batch-sizes 1..512", "--seed 0", "--budget 180s --store .."):
        assert option in page
    stepped = replace(contents, plan=replace(contents.plan, thermal_step=True))
    assert "--budget 180s --thermal-step" in reproduce_section(stepped)
    assert "--thermal-step" not in page
    for stage in ("parse", "build-model", "validate", "report"):
        assert f"moeprof {stage} RUN" in page
    locked = replace(contents, plan=replace(contents.plan, sm_clock_mhz=1500))
    assert "--lock-clocks 1500" in reproduce_section(locked)


def test_the_commands_find_what_they_need_beside_the_page(contents: Contents) -> None:
    """Wherever the run lies, and whatever file its preset and operations came from."""
    page = reproduce_section(contents)
    assert "in the folder of this page" in page
    assert "--scenario preset.toml" in page
    assert "python scripts/fc1.py" in page


def test_a_name_with_shell_characters_is_quoted_in_the_command(contents: Contents) -> None:
    own = replace(contents.plan.ops[0], source="ops/mine; rm -r x.py")
    plan = replace(contents.plan, ops=(own,))
    page = reproduce_section(replace(contents, plan=plan))
    assert "--ops &#x27;ops/mine; rm -r x.py&#x27;" in page
