"""What is measured on."""

import json
import os
import socket

import pytest
import torch

from moeprof.device.identity import choose_device, describe
from moeprof.store.document import to_json
from moeprof.store.errors import BadInput

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@no_gpu
def test_without_a_gpu_the_cpu_is_the_device() -> None:
    assert choose_device(None) == "cpu"


def test_the_cpu_can_be_asked_for() -> None:
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:-1", "cuda:٣", "", "mps"])
def test_a_name_that_is_no_device(name: str) -> None:
    with pytest.raises(BadInput, match="is no device"):
        choose_device(name)


def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(BadInput, match="'cuda:99' is not there"):
        choose_device("cuda:99")


def test_a_cpu_is_described_and_nothing_personal_is_in_it() -> None:
    found = describe("cpu", 1, git_commit="abc", git_dirty=False)
    assert (found.device, found.gpu, found.threads) == ("cpu", None, 1)
    assert found.versions["torch"].startswith(torch.__version__.partition("+")[0])
    text = to_json(found)
    assert json.loads(text)["schema"] == "moeprof.provenance/1.0"
    assert socket.gethostname() not in text
    for secret in ("HOME", "PATH"):
        assert os.environ[secret] not in text
