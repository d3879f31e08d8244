"""The fixtures of tests_simulator.py, for every module here."""

from tests_simulator import clock, sim, simulate

__all__ = ["clock", "sim", "simulate"]
