"""Chance that comes out the same in every run, on every machine."""

from collections.abc import Mapping
from random import Random
from typing import TypeVar

Option = TypeVar("Option")


class Dice(Random):
    """A generator seeded by a text such as `1/ticket/17`, on which the hash seed has no influence."""

    def chance(self, share: float) -> bool:
        """Come out true in this share of cases, 0 to 1."""
        return self.random() < share

    def weighted(self, weights: Mapping[Option, int]) -> Option:
        """Draw one of the options by its weight. For the few options there are, faster than `choices`."""
        point = self.randrange(sum(weights.values()))
        for option, weight in weights.items():
            point -= weight
            if point < 0:
                return option
        raise ValueError("The weights must be positive.")
