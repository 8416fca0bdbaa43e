"""The section of layers: a chart and a table for each, with what it lacks."""

from moeprof.costmodel.layer.over_sizes import over_sizes
from moeprof.report.layers import layers_section
from moeprof.tests.costmodel.layer.gated_models import PARTS, gated_file


def test_each_layer_has_a_chart_and_a_row_for_each_batch_size() -> None:
    found = over_sizes(gated_file("uniform", "zipf:1"), most=3)
    text = layers_section(found)
    assert text.count('data-spec="layer-') == text.count("<table") == 2
    assert text.count('scope="row"') == 2 * 3
    assert "8x4 (tiny, 16 experts, top-2, float32), zipf:1" in text
    for name in (*PARTS, "sum of the parts", "measured as one"):
        assert f">{name}</th>" in text
    assert "between two parts, and 10.00 % less of the sum; fitted at 16 sizes." in text


def test_what_a_layer_lacks_stands_below_its_name() -> None:
    text = layers_section(over_sizes(gated_file("uniform", without=["permute"]), most=2))
    assert "Without permute: not among the operations." in text
    assert ">layer, incomplete</th>" in text
    assert "No difference of a whole layer is added: " in text
