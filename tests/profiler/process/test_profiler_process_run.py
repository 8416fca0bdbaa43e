"""Processes run to their end, or for a limited time."""

import sys
from pathlib import Path

import pytest

from moeprof.profiler.process.run import run


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_finished_process_has_its_exit_code_and_its_output() -> None:
    said = run(
        python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), timeout_s=30
    )
    assert (said.exit_code, said.stdout, said.last_words) == (3, "out\n", "err")


def test_the_time_limit_ends_a_process_and_its_children() -> None:
    child = "import os, time; os.fork(); time.sleep(600)"
    said = run(python(child), timeout_s=0.2)
    assert (said.exit_code, said.last_words) == (None, "no end within 0.2 s")


def test_a_tool_that_leaves_a_daemon_is_not_waited_for() -> None:
    leaves = (
        "import os, time; print('done', flush=True)\nif not os.fork(): os.setsid(); time.sleep(99)"
    )
    said = run(python(leaves), timeout_s=30)
    assert (said.exit_code, said.stdout) == (0, "done\n")


def test_a_flood_of_output_is_cut_off_with_its_reason() -> None:
    floods = "import os\nwhile True: os.write(1, bytes(1 << 16))"
    said = run(python(floods), timeout_s=60, max_bytes=1 << 20)
    assert said.exit_code is None
    assert said.last_words.startswith("more than 1 MiB of output")
    assert len(said.stdout) < 1 << 21


def test_closed_outputs_are_not_the_end() -> None:
    closes = "import os, time; os.close(1); os.close(2); time.sleep(0.2); os._exit(3)"
    assert run(python(closes), timeout_s=30).exit_code == 3


def test_a_command_that_does_not_exist() -> None:
    with pytest.raises(OSError, match="no-such-command"):
        run(["no-such-command"], timeout_s=5)


def test_kept_descriptors_stay_open_in_the_child(tmp_path: Path) -> None:
    with (tmp_path / "kept").open("w") as kept:
        fd = kept.fileno()
        run(python(f"import os; os.write({fd}, b'mine')"), timeout_s=30, kept_fds=[fd])
    assert (tmp_path / "kept").read_text() == "mine"
