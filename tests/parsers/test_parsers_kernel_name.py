"""Short names of kernels."""

from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from moeprof.parsers.kernel_name import short_kernel_name


@pytest.mark.parametrize(
    ("demangled", "short"),
    [
        ("_topk_kernel", "_topk_kernel"),
        ("saxpy(double *, int)", "saxpy"),
        ("void a::b<(int)4, c<d> >(T1, T2)", "b"),
        ("void a::(anonymous namespace)::norm<float, (bool)0>(int)", "norm"),
        ("void a::<unnamed>::cat<b<(unsigned int)2>>(int)", "cat"),
        ("void a::k<f(x &)::[lambda() (instance 1)]::operator ()() const>(int)", "k"),
        ("", ""),
    ],
)
def test_parameters_and_namespaces_are_dropped(demangled: str, short: str) -> None:
    assert short_kernel_name(demangled) == short


def test_the_short_name_is_the_one_that_nsys_gives(sample_data: Path) -> None:
    checked: Counter[bool] = Counter()
    for path in sorted((sample_data / "nsys").glob("*.sqlite")):
        engine = sa.create_engine(f"sqlite:///file:{path}?mode=ro&immutable=1&uri=true")
        with engine.connect() as connection:
            pairs = connection.execute(
                sa.text(
                    "select distinct d.value, s.value from CUPTI_ACTIVITY_KIND_KERNEL"
                    " join StringIds d on d.id = demangledName"
                    " join StringIds s on s.id = shortName"
                )
            ).all()
        engine.dispose()
        checked.update(short_kernel_name(demangled) == short for demangled, short in pairs)
    assert checked[True] > 50
    assert checked[False] == 0
