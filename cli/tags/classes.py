"""What the galaxy's numbers mean for people: security classes, attribute categories, types."""

from __future__ import annotations

from typing import Final

__all__ = ["category_name", "class_name", "native_type_name", "write_needs"]

# MXAccess reference, section 6.
_CLASSES: Final = {
    -1: ("Undefined", "what it needs is not told"),
    0: ("FreeAccess", "nothing; anyone may write"),
    1: ("Operate", "the Operate permission"),
    2: ("SecuredWrite", "the Operate permission and a signature: write with --user"),
    3: (
        "VerifiedWrite",
        "the Operate permission and two different users: write with --user and --verifier",
    ),
    4: ("Tune", "the Tune permission"),
    5: ("Configure", "the Configure permission; the object should be off scan"),
    6: ("ViewOnly", "it is never writable at run time"),
}

# MXAccess reference, section 7.1: the name, and whether users may write it.
_CATEGORIES: Final = {
    0: ("PackageOnly", False),
    1: ("PackageOnly_Lockable", False),
    2: ("Calculated", False),
    3: ("CalculatedRetentive", False),
    4: ("Writeable_U", True),
    5: ("Writeable_S", False),
    6: ("Writeable_US", True),
    7: ("Writeable_UC", True),
    8: ("Writeable_USC", True),
    9: ("Writeable_UC_Lockable", True),
    10: ("Writeable_USC_Lockable", True),
    11: ("Writeable_C_Lockable", False),
    12: ("SystemSetsOnly", False),
    13: ("SystemInternal", False),
    14: ("SystemWriteable", False),
    15: ("Constant", False),
    16: ("SystemInternal_Browsable", False),
    17: ("CalculatedPackage", False),
    18: ("DeleteAfterStartup", False),
}


def class_name(number: int) -> str:
    """Return the name of a security classification, with its number where it has none."""
    return _CLASSES[number][0] if number in _CLASSES else f"UNKNOWN({number})"


def category_name(number: int) -> str:
    """Return the name of an attribute category, with its number where it has none."""
    return _CATEGORIES[number][0] if number in _CATEGORIES else f"UNKNOWN({number})"


def write_needs(classification: int, category: int) -> str:
    """Return in words what a write needs, by security classification and attribute category."""
    if category in _CATEGORIES and not _CATEGORIES[category][1]:
        return f"users cannot write it: its category is {category_name(category)}"
    if classification not in _CLASSES:
        return "what it needs is not known"
    return _CLASSES[classification][1]


def native_type_name(native: int, *, is_array: bool) -> str:
    """Return the MXAccess name of a type of the galaxy, `[]` for an array."""
    from mxgateway.values import data_type_name

    # The galaxy has the native numbers (gateway semantics, section 10).
    return data_type_name(native + 2) + ("[]" if is_array else "")
