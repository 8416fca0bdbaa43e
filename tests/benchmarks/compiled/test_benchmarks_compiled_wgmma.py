"""Registers of a wgmma in flight: loops written for the test, as nvdisasm prints them."""

import pytest

from moeprof.benchmarks.compiled.wgmma import rewritten_factors

FIRST = "HGMMA.64x64x16.F32.BF16 R24, R96, gdesc[UR12], R24, gsb0"
SECOND = "HGMMA.64x64x16.F32.BF16 R24, R100, gdesc[UR12], R24, gsb0"
WAITS_FOR_ALL, LEAVES_ONE = "WARPGROUP.DEPBAR.LE gsb0, 0x0", "WARPGROUP.DEPBAR.LE gsb0, 0x1"
LOADS_FIRST, LOADS_SECOND = "LDS.128 R96, [R5]", "LDS.128 R100, [R5+0x10]"


def test_a_wait_for_all_covers_every_product() -> None:
    assert rewritten_factors([LOADS_FIRST, LOADS_SECOND, FIRST, SECOND, WAITS_FOR_ALL]) == []


def test_the_last_group_stays_in_flight_over_the_end_of_an_iteration() -> None:
    loop = [LOADS_FIRST, LOADS_SECOND, FIRST, SECOND, LEAVES_ONE]
    assert rewritten_factors(loop) == [SECOND]


def test_a_product_belongs_to_the_group_that_ends_after_it() -> None:
    together = [FIRST.removesuffix(", gsb0"), SECOND, LEAVES_ONE]
    assert len(rewritten_factors([LOADS_FIRST, LOADS_SECOND, *together])) == 2


def test_a_wait_before_the_write_in_the_next_iteration_is_enough() -> None:
    assert rewritten_factors([WAITS_FOR_ALL, LOADS_FIRST, LOADS_SECOND, FIRST, SECOND]) == []


@pytest.mark.parametrize(
    ("text", "is_write"),
    [
        ("MOV R97, UR13", True),
        ("LEA R96, P0, R153, UR12, 0x1", True),
        ("IMAD.WIDE R98, R5, R6, R7", True),
        ("LDSM.16.M88.4 R96, [R3]", True),
        ("LDS.64 R94, [R3]", False),  # R94 and R95
        ("LDS.128 R94, [R3]", True),
        ("IADD3 R5, R96, R97, RZ", False),
        ("STS.128 [R96], R4", False),
        ("ISETP.GE.AND P0, PT, R96, R5, PT", False),
        ("R2UR UR4, R96", False),
        ("LDGSTS.E.BYPASS.128 [R96], desc[UR4][R6.64]", False),
    ],
)
def test_what_writes_a_register_of_the_factor(text: str, is_write: bool) -> None:
    assert rewritten_factors([text, FIRST, LEAVES_ONE]) == ([FIRST] if is_write else [])


def test_factors_in_shared_memory_are_not_looked_at() -> None:
    assert rewritten_factors(["MOV R24, R5", "HGMMA.64x64x16.F32 R24, gdesc[UR4], R24, gsb0"]) == []
