"""The rate limit as Intercom counts it: windows of ten seconds, every authenticated request counts.

Intercom REST, rate limiting: headers X-RateLimit-Limit, -Remaining and -Reset on every authenticated answer;
429 with code `rate_limit_exceeded` beyond the limit.
"""

from collections.abc import Callable

WINDOW_SECONDS = 10


class RateLimit:
    """Counts one workspace's requests per window. Used from the server's one thread only.

    Args:
        limit: requests per window; None allows everything and sends no headers.
        clock: seconds since 1970.
    """

    def __init__(self, limit: int | None, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._window = 0
        self._used = 0

    def take(self) -> tuple[bool, dict[str, str]]:
        """Counts one request. Answers whether it is within the limit, and the headers to send."""
        if self._limit is None:
            return True, {}
        window = int(self._clock() // WINDOW_SECONDS)
        if window != self._window:
            self._window, self._used = window, 0
        within = self._used < self._limit
        self._used += within
        return within, {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(self._limit - self._used),
            "X-RateLimit-Reset": str((window + 1) * WINDOW_SECONDS),
        }

    @property
    def message(self) -> str:
        """The wording of the 429."""
        return f"Exceeded rate limit of {self._limit} in {WINDOW_SECONDS}_seconds"
