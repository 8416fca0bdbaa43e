"""The device that a name stands for, and its description."""

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
def test_a_name_that_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(BadInput) as caught:
        choose_device(name)
    assert repr(name) in caught.value.message
    assert caught.value.hint


def test_a_gpu_that_torch_does_not_see_is_refused() -> None:
    with pytest.raises(BadInput, match="'cuda:99'") as caught:
        choose_device("cuda:99")
    assert caught.value.hint


def test_a_cpu_is_described_and_nothing_personal_is_in_it() -> None:
    found = describe("cpu", 1, git_commit="abc", git_dirty=False)
    assert (found.device, found.gpu, found.threads) == ("cpu", None, 1)
    assert found.versions["torch"].startswith(torch.__version__.partition("+")[0])
    text = to_json(found)
    assert json.loads(text)["schema"] == "moeprof.provenance/1.0"
    assert socket.gethostname() not in text
    for secret in ("HOME", "PATH"):
        assert os.environ[secret] not in text
