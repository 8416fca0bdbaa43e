"""Where the readings of a question about a repository stay, without being asked."""

import hashlib
import os
from pathlib import Path

from ...store.disk.user_state import user_state
from ...store.errors import BadInput
from .reading import Question
from .repository import Repository


def state_folder(repository: Repository, question: Question) -> Path:
    """The folder of a question about a repository below the user's own state.

    Raises BadInput for a user without a home, and outside a repository.
    """
    state = user_state()
    if state is None:
        raise BadInput("you have no home folder to keep readings in", hint="name one with --state")
    asked = f"{repository.common_folder()}\0{repository.prefix()}\0{question.text()}"
    return state / "readings" / hashlib.sha256(os.fsencode(asked)).hexdigest()[:16]
