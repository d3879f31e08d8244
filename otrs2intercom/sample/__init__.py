"""Writes a sample database in the shape of OTRS 6, so that everything can be tried without real data."""

from otrs2intercom.sample.write import (
    InvalidSampleError,
    SampleError,
    SampleSummary,
    TargetInUseError,
    write_sample,
)

__all__ = ["InvalidSampleError", "SampleError", "SampleSummary", "TargetInUseError", "write_sample"]
