"""What can go wrong while loading, and what each means for the run.

LoadError                        exit 1
├── RefusedError                 exit 3: nothing was written
│   ├── SettingsError            a setting is missing or wrong
│   ├── WorkspaceError           the token, the settings and the ledger disagree about the workspace
│   ├── GateError                the data did not pass its tests, or changed since
│   ├── SelectionError           what was chosen cannot be understood, or is nothing
│   ├── SignOffError             nobody has signed this plan off for production
│   ├── LedgerInUseError         another run holds the ledger
│   ├── AcknowledgeError         a side effect of the load was not acknowledged
│   ├── GuardsError              several guards refuse, each with its reason
│   ├── LedgerUnknownError       the warehouse was loaded with another ledger
│   ├── NotInLedgerError         a rollback was asked for something that the ledger does not know
│   ├── DecisionError            nothing is undecided about the slot that a person decided about
│   └── WarehouseLockedError     another program holds the warehouse
├── StoppedError                 exit 4: the run stopped on the way and can be resumed
│   ├── ConfigurationError       exit 3: Intercom refuses the token or the plan (401, 403)
│   ├── UnsilencedError          exit 3: a call could set off what nobody acknowledged; it was not sent
│   ├── PlanChangedError         exit 3: the data changed while the run was going on
│   ├── UnreachableError         Intercom does not answer
│   ├── StorageError             exit 3: the storage for files is not known
│   ├── TooManyErrorsError       more records were refused than --max-errors allows
│   ├── InterruptedRunError      exit 130: ended from the keyboard before anything was sent
│   └── LedgerWriteError         the ledger cannot be written, e.g. disk full
├── TemplateError                a payload refers to an object that is not in Intercom
└── CallError                    one call
    ├── LostError                no usable answer: it may have taken effect or not
    ├── AgainError               it did not take effect and may be repeated as it is
    │   └── RateLimitedError     429
    ├── UndecidedError           whether it took effect cannot be decided by this program
    └── RejectedError            Intercom refused this record
        ├── GoneError            404 or 410
        └── ConflictError        409
"""

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_REFUSED = 3
EXIT_LEFT_OVER = 4
EXIT_INTERRUPTED = 130


class LoadError(Exception):
    """Base of all errors of this package."""

    exit_code = EXIT_BUG


class RefusedError(LoadError):
    """The run was refused before its first write."""

    exit_code = EXIT_REFUSED


class SettingsError(RefusedError):
    """A setting is missing or wrong; the message names it."""


class WorkspaceError(RefusedError):
    """Token, settings and ledger do not mean the same workspace."""


class GateError(RefusedError):
    """The data has not passed its tests, or is not the data that did."""


class SelectionError(RefusedError):
    """A selection cannot be understood, or chooses nothing; the message names the value."""


class SignOffError(RefusedError):
    """A production load of a plan that nobody has signed off."""


class LedgerInUseError(RefusedError):
    """Another run holds the ledger."""


class AcknowledgeError(RefusedError):
    """The load may set off something that nobody has acknowledged; the message names it."""


class GuardsError(RefusedError):
    """Guards refuse the load; the message lists all of them."""


class LedgerUnknownError(RefusedError):
    """The warehouse was loaded into this workspace with another ledger: going on would send everything twice."""


class NotInLedgerError(RefusedError):
    """The ledger does not know the run, phase or conversation that was to be taken back, or knows nothing at all."""


class DecisionError(RefusedError):
    """A person decided about a slot of which nothing is undecided, or gave another record's id."""


class WarehouseLockedError(RefusedError):
    """Another program holds the warehouse; the message names it."""


class StoppedError(LoadError):
    """The run stopped on the way; everything done is in the ledger and the next run goes on from there."""

    exit_code = EXIT_LEFT_OVER


class ConfigurationError(StoppedError):
    """Intercom refuses the token, its permissions or the workspace's plan."""

    exit_code = EXIT_REFUSED


class UnsilencedError(StoppedError):
    """A call that could notify somebody, unsilenced or unacknowledged; it was not sent."""

    exit_code = EXIT_REFUSED


class PlanChangedError(StoppedError):
    """The data in the warehouse changed while the run was going on."""

    exit_code = EXIT_REFUSED


class UnreachableError(StoppedError):
    """Intercom has not answered for a long time."""


class StorageError(StoppedError):
    """The storage for files that Intercom does not take cannot be used; the message says why."""

    exit_code = EXIT_REFUSED


class TooManyErrorsError(StoppedError):
    """More records were refused, or are for a person to decide, than the user allows."""


class InterruptedRunError(StoppedError):
    """The run was ended from the keyboard before it had a plan."""

    exit_code = EXIT_INTERRUPTED


class LedgerWriteError(StoppedError):
    """The ledger could not be written."""


class TemplateError(LoadError):
    """A payload refers to an object whose Intercom id the ledger does not hold.

    Attributes:
        key: the object.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"the ledger holds no Intercom id for {key}")
        self.key = key


class CallError(LoadError):
    """One call failed.

    Attributes:
        status: HTTP status; 0 when there was no answer.
        code: Intercom's error code, or a word of ours.
        request_id: Intercom's id of the request, for its support.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "", request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.request_id = request_id


class LostError(CallError):
    """No usable answer; whether the call took effect has to be looked up.

    `finished` tells that Intercom itself has ended its work on it (it answered with an error of its own).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        request_id: str | None = None,
        finished: bool = False,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.finished = finished


class AgainError(CallError):
    """The call did not take effect (rate limit, no connection) and may be repeated."""


class RateLimitedError(AgainError):
    """The call was over the rate limit."""


class UndecidedError(CallError):
    """Something is in Intercom that may be the effect of a call without answer, or not."""


class RejectedError(CallError):
    """Intercom refused this record's data."""


class GoneError(RejectedError):
    """The object, or one that the payload names, is not there (yet, or any more)."""


class ConflictError(RejectedError):
    """The object exists already."""
