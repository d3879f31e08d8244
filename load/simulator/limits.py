"""The rate limit as Intercom counts it: windows of ten seconds, every authenticated request counts.

Intercom REST, rate limiting: headers X-RateLimit-Limit, -Remaining and -Reset on every authenticated answer;
429 with code `rate_limit_exceeded` beyond the limit.
"""

from collections.abc import Callable
from typing import Any

WINDOW_SECONDS = 10


class RateLimit:
    """Counts one workspace's requests per window. Used from the server's one thread only.

    Args:
        limit: requests per window; None allows everything and sends no headers.
        clock: seconds since 1970.
        told: whether the headers are sent; what is behind a proxy may not see them.
        stolen: requests of each window that another client of the same workspace makes, evenly spread.
    """

    def __init__(self, limit: int | None, clock: Callable[[], float], *, told: bool = True, stolen: int = 0) -> None:
        self._clock = clock
        self._window = 0
        self._used = 0
        self._stolen = 0
        self._counted = {"accepted": 0, "refused": 0}
        self.change(limit=limit, told=told, stolen=stolen)

    def change(self, *, limit: int | None, told: bool, stolen: int) -> None:
        """Counts otherwise from now on; the present window's requests stay counted.

        Raises:
            ValueError: a number that is no number of requests.
        """
        if (limit is not None and limit < 1) or stolen < 0:
            raise ValueError("the limit counts from 1 and what another client takes from 0")
        self._limit, self._told, self._steals = limit, told, stolen

    def state(self) -> dict[str, Any]:
        """What is set, and what was accepted and refused since the start."""
        settings = {"limit": self._limit, "without_rate_headers": not self._told, "steal": self._steals}
        return settings | self._counted

    def take(self) -> tuple[bool, dict[str, str]]:
        """Counts one request. Answers whether it is within the limit, and the headers to send."""
        if self._limit is None:
            return True, {}
        now = self._clock()
        window = int(now // WINDOW_SECONDS)
        if window != self._window:
            self._window, self._used, self._stolen = window, 0, 0
        due = int(self._steals * (now / WINDOW_SECONDS - window))
        self._used = min(self._used + max(due - self._stolen, 0), max(self._limit, self._used))
        self._stolen = max(due, self._stolen)
        within = self._used < self._limit
        self._used += within
        self._counted["accepted" if within else "refused"] += 1
        return within, self.headers(window)

    def headers(self, window: int, *, used_up: bool = False) -> dict[str, str]:
        """What an answer says of a window; `used_up` is what a 429 says."""
        if self._limit is None or not self._told:
            return {}
        return {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(0 if used_up else max(self._limit - self._used, 0)),
            "X-RateLimit-Reset": str((window + 1) * WINDOW_SECONDS),
        }

    def used_up(self) -> dict[str, str]:
        """The headers of a 429 at this moment."""
        return self.headers(int(self._clock() // WINDOW_SECONDS), used_up=True)

    @property
    def message(self) -> str:
        """The wording of the 429."""
        return f"Exceeded rate limit of {self._limit} in {WINDOW_SECONDS}_seconds"
