"""The options of a command stand in groups: its own, those of a layer, those of --best."""

from moeprof.tests.cli.command_line import Moeprof


def test_options_of_a_layer_and_of_best_stand_under_their_names(moeprof: Moeprof) -> None:
    shown = moeprof("cost", "--help").stdout
    own, _, rest = shown.partition("\nOf a layer:\n")
    of_layer, _, with_best = rest.partition("\nWith --best:\n")
    assert "  --weight-bits " in own
    assert "  --json " in own
    assert "  --routed-by " in of_layer
    assert "  --best " in of_layer
    assert "  --budget-w " in with_best
    assert max(map(len, shown.splitlines())) <= 80


def test_each_option_stands_once(moeprof: Moeprof) -> None:
    words = [line.split()[0] for line in moeprof("cost", "--help").stdout.splitlines() if line]
    options = [word for word in words if word.startswith("--")]
    assert len(options) == len(set(options)) > 14
