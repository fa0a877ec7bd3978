"""The stage is a fixture of every test of the router."""

from stage import stage

__all__ = ["stage"]
