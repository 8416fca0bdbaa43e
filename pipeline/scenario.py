"""Presets as TOML: those that come with moeprof, and the preset of a published model."""

from dataclasses import dataclass
from pathlib import Path

from ..scenarios.configs.published import published_preset
from ..scenarios.preset import PRESETS, Preset, load_preset, to_toml

__all__ = ["Preset", "PresetText", "preset_from", "preset_named", "presets"]


@dataclass(frozen=True, slots=True)
class PresetText:
    """A preset as TOML, and what was assumed in making it."""

    toml: str
    assumptions: tuple[str, ...] = ()


def presets() -> tuple[Preset, ...]:
    """Load every preset that comes with moeprof."""
    return tuple(load_preset(name) for name in PRESETS)


def preset_named(name: str) -> PresetText:
    """Give a preset by name. Raises BadInput for an unknown one."""
    return PresetText(to_toml(load_preset(name)))


def preset_from(config: Path | str, *, dense: bool = False) -> PresetText:
    """Make a preset from the config.json of a published model, as `published_preset` does.

    Raises BadInput for another file.
    """
    published = published_preset(Path(config), dense=dense)
    return PresetText(to_toml(published.preset), published.assumptions)
