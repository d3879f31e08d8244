"""What is repeated, how often, and after which pause: one rule for loading, reading and taking back."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter

from load import log
from load.errors import AgainError, CallError, LostError, RateLimitedError

ATTEMPTS = 8
"""Attempts at one call; waiting for the rate limit is not counted."""

T = TypeVar("T")

_exponential = wait_exponential_jitter(multiplier=0.5, max=30)


def repeated(
    work: Callable[[], T],
    *,
    sleep: Callable[[float], None],
    count: Callable[[], None],
    also: Callable[[CallError], bool] = lambda _error: False,
) -> T:
    """Do something until it is answered.

    What was over the rate limit is repeated without end, and without a pause: the limiter waits for the next window.

    Args:
        work: safe to repeat.
        sleep: called with the seconds of a pause.
        count: called before each repetition.
        also: whether another error than a lost answer or no connection is worth a repetition.

    Raises:
        CallError: the last one, after `ATTEMPTS` attempts, or one that is not worth a repetition.
    """
    try:
        return work()  # most calls end here, without what it takes to repeat one
    except CallError as error:
        first: list[CallError] = [error]
    failures = 0

    def again() -> T:
        if first:
            raise first.pop()
        return work()

    def worth_it(error: BaseException) -> bool:
        nonlocal failures
        if isinstance(error, RateLimitedError):
            return True
        if isinstance(error, LostError | AgainError):
            failures += 1
            return failures < ATTEMPTS
        return isinstance(error, CallError) and also(error)

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return 0.0 if isinstance(error, RateLimitedError) else _exponential(state)

    def before(_state: RetryCallState) -> None:
        count()
        log.again()

    return Retrying(retry=retry_if_exception(worth_it), wait=pause, sleep=sleep, before_sleep=before, reraise=True)(
        again
    )
