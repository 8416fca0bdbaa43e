"""Presets as TOML: those that come with moeprof, and the preset of a published model."""

from dataclasses import dataclass
from pathlib import Path

from ..scenarios.configs.published import published_preset
from ..scenarios.preset import PRESETS, Preset, load_preset, to_toml
from ..scenarios.shapes.parallel import rank_of

__all__ = ["Preset", "PresetText", "preset_from", "preset_named", "presets"]


@dataclass(frozen=True, slots=True)
class PresetText:
    """A preset as TOML, and what was assumed in making it."""

    toml: str
    assumptions: tuple[str, ...] = ()


def presets() -> tuple[Preset, ...]:
    """Load every preset that comes with moeprof."""
    return tuple(load_preset(name) for name in PRESETS)


def preset_named(name: str, ranks: tuple[int, int] = (1, 1)) -> PresetText:
    """Give a preset by name, or one of so many ranks of it: tensor parallel, expert parallel.

    Raises BadInput for an unknown one, and for sizes that do not divide.
    """
    return PresetText(to_toml(rank_of(load_preset(name), *ranks)))


def preset_from(
    config: Path | str, *, dense: bool = False, ranks: tuple[int, int] = (1, 1)
) -> PresetText:
    """Make a preset from the config.json of a published model, as `published_preset` does.

    `ranks` are those of `preset_named`. Raises BadInput for another file, and for sizes that do not
    divide.
    """
    published = published_preset(Path(config), dense=dense, ranks=ranks[0])
    return PresetText(to_toml(rank_of(published.preset, *ranks)), published.assumptions)
