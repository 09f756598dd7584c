"""The version of this package, cheap to import."""

__version__ = "0.1.0"
