"""Completion in shells: the scripts, and what they are answered when a person presses Tab.

click knows bash, zsh and fish; PowerShell is added here. Tags come from a file that browsing
writes (`remember_tags`); without it none are offered, and nothing is ever sent. What others name,
such as tags of a gateway and files of a shared folder, reaches the command line only as a word
quoted for its shell, and the screen only where it can be printed.
"""

from .offers import known_objects, known_tags, named_files, profile_names
from .remembered import remember_tags
from .shells import complete, script

__all__ = [
    "complete",
    "known_objects",
    "known_tags",
    "named_files",
    "profile_names",
    "remember_tags",
    "script",
]
