import re

from moeprof.report import charts, style


def test_every_colour_is_defined_in_the_light_and_in_the_dark_theme() -> None:
    light, dark = (
        set(re.findall(r"(--\w+):", block))
        for block in re.findall(r":root \{([^}]*)\}", style.STYLE)
    )
    with open(charts.__file__, encoding="utf-8") as file:
        used = re.findall(r"var\((--\w+)\)", style.STYLE + str(style.LEGEND) + file.read())
    assert light == dark
    assert set(used) == light


def test_the_script_evaluates_no_text_as_code() -> None:
    assert "ast: true" in style.DRAW
    assert "innerHTML" not in style.DRAW
