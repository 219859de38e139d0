"""What a user prefers of the viewer: keys and theme, kept among the user's data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from medvox.core.errors import FormatError, UsageError
from medvox.core.settings import current
from medvox.formats.atomic import atomic_file

Theme = Literal["dark", "light", "system"]
THEMES: Final = ("dark", "light", "system")
MOST_KEYS: Final = 500
MOST_LETTERS: Final = 64


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the user has set; all else is as shipped.

    Parameters
    ----------
    keys
        Key by command, where it is not the usual one; an empty key takes the usual one away.
    theme
        Colors of the page.
    """

    keys: dict[str, str] = field(default_factory=dict)
    theme: Theme = "dark"

    def __post_init__(self) -> None:
        """Refuse what no page can have sent.

        Raises
        ------
        UsageError
            If the theme is unknown, or keys are too many or too long.
        """
        words = [*self.keys, *self.keys.values()]
        if any(len(word) > MOST_LETTERS for word in words):
            raise UsageError("a key of the keyboard map is not understood")
        if len(self.keys) > MOST_KEYS or self.theme not in THEMES:
            raise UsageError("these preferences are not understood", expected=f"a theme out of {THEMES}")


def usual_file() -> Path:
    """File of the preferences among the user's data."""
    from platformdirs import user_data_path

    return (current().data_folder or user_data_path("medvox", appauthor=False)) / "preferences.json"


def read_preferences(path: Path | None = None) -> Preferences:
    """Read preferences; the usual ones where nothing was saved.

    Raises
    ------
    FormatError
        If the file is damaged.
    """
    path = path or usual_file()
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        return Preferences(dict(found.get("keys", {})), found.get("theme", "dark"))
    except FileNotFoundError:
        return Preferences()
    except (ValueError, TypeError, AttributeError) as error:
        advice = "Remove the file to begin with the usual preferences"
        raise FormatError("the saved preferences are damaged", where=path, advice=advice) from error


def write_preferences(preferences: Preferences, path: Path | None = None) -> None:
    """Save preferences; the file appears whole or not at all.

    Raises
    ------
    AccessError, WriteError
        If the system refuses.
    """
    path = path or usual_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write(json.dumps(asdict(preferences), indent=1).encode())
