"""The fixtures of simulated.py, for every module here."""

from simulated import clock, sim, simulate

__all__ = ["clock", "sim", "simulate"]
