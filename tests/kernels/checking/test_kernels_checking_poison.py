"""Memory that shows what is never written to it."""

import torch

from moeprof.kernels.checking.poison import poisoned


def test_new_memory_holds_what_no_result_can_be() -> None:
    with poisoned():
        assert torch.empty(4).isnan().all()
        assert (torch.empty(4, dtype=torch.int32) == torch.iinfo(torch.int32).max).all()


def test_the_setting_of_torch_is_as_before() -> None:
    for before in (False, True):
        torch.use_deterministic_algorithms(before)
        with poisoned():
            assert torch.are_deterministic_algorithms_enabled()
        assert torch.are_deterministic_algorithms_enabled() == before
    torch.use_deterministic_algorithms(False)
