"""What floating-point codes stand for, against torch and the specification."""

import torch

from moeprof.kernels.tiling.codes import FLOAT_CODES, values_of

CPU = torch.device("cpu")


def test_e4m3_is_torch_s_float8_e4m3fn() -> None:
    codes = torch.arange(256, dtype=torch.uint8)
    expected = codes.view(torch.float8_e4m3fn).float()
    found = values_of("e4m3", CPU, torch.float32)
    torch.testing.assert_close(found, expected, rtol=0, atol=0, equal_nan=True)


def test_e2m1_has_the_numbers_of_the_specification() -> None:
    positive = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    found = values_of("e2m1", CPU, torch.bfloat16).tolist()
    assert found == positive + [-value for value in positive]


def test_the_largest_number_of_a_code_is_the_one_that_quantisers_use() -> None:
    for codes, code in FLOAT_CODES.items():
        assert values_of(codes, CPU, torch.float32).nan_to_num(0).max() == code.largest
