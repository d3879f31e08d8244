"""What can go wrong while reading a source.

ExtractError                 the extract stops; the previous generation stays in place
├── SettingsError            a setting is missing or wrong
├── SourceError              the source cannot be read, or does not say what is needed
└── CountMismatchError       a table gave another number of rows than `count(*)` in the same snapshot
"""


class ExtractError(Exception):
    """The extract stopped; nothing that dbt or an analyst reads has changed."""

    exit_code = 6


class SettingsError(ExtractError):
    """A setting is missing or wrong; the message names it and shows an example."""

    exit_code = 3


class SourceError(ExtractError):
    """The source cannot be read, or does not say what is needed."""


class CountMismatchError(ExtractError):
    """A table's rows do not equal its `count(*)` in the same snapshot."""
