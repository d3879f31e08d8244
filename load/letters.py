"""Dead letters: what is kept of a record that could not be settled, and the way out of each."""

from collections.abc import Sequence

from load.errors import CallError, TemplateError
from load.ledger import DeadLetter, Item
from load.masking import without_values, writable

REFUSED, DEPENDS, UNKNOWN, UNANSWERED = "refused", "depends", "unknown", "unanswered"
"""Why a slot could not be settled; see `way_out`."""

FAULTS = (REFUSED, UNKNOWN)
"""Reasons that are the record's own and hold it until it is mended or retried."""

_LONGEST_REASON = 300

_AGAIN = "then apply again with --retry-failed"
_WAYS_OUT = {
    "contact_of_another_record": (
        "two people of the plan have the same address or external id: join them or mend one in the source, then build "
        "and apply again"
    ),
    "attribute_of_another_type": (
        f"archive or rename the attribute in Intercom, or give ours another name in the mapping; {_AGAIN}"
    ),
    "file_missing": f"extract the file again and build again; {_AGAIN}",
    "file_differs": f"extract the file again and build again; {_AGAIN}",
    "no_object": "the plan refers to something that is not in Intercom: build again, then apply again",
}
_WAYS_OUT_BY_STATUS = {
    413: "lower file_size_limit so that the file is kept outside Intercom, then build and apply again",
    409: f"look at the record in Intercom that is in the way; mend either, {_AGAIN}",
}


def way_out(reason: str, code: str = "", status: int = 0, cause_slot: str | None = None) -> str:
    """Say what a person has to do about a dead letter.

    Args:
        reason: refused, depends, unknown or unanswered.
        code: Intercom's error code, or a word of ours.
        status: HTTP status.
        cause_slot: of a record that waits for another one, that one.
    """
    if reason == DEPENDS:
        return f"settle {cause_slot or 'the record that it waits for'}; this one follows with the next apply"
    if reason == UNKNOWN:
        return (
            "compare what is in Intercom with the record, then say which it is: `decide SLOT --found ID` when it is "
            "the record's, `decide SLOT --absent` when it is not; apply again"
        )
    if reason == UNANSWERED:
        return "apply again: it is looked up first and sent only if it is not there"
    return (
        _WAYS_OUT.get(code)
        or _WAYS_OUT_BY_STATUS.get(status)
        or "mend the record in the source or the mapping and build again (another payload is tried by itself), or mend "
        f"what Intercom complains of there, {_AGAIN}"
    )


def dead_letter(
    item: Item,
    *,
    lane: str,
    phase: int,
    kind: str,
    reason: str,
    error: CallError | TemplateError | None,
    cause: str | None,
    run_id: str,
    at: float,
    payloads: Sequence[str] = (),
) -> DeadLetter:
    """Write down that a slot could not be settled, without the record's values.

    Args:
        item: the slot.
        lane: its lane.
        phase: of the lane.
        kind: of the request.
        reason: one of the four.
        error: what happened; None for a slot that waits for another one.
        cause: the slot that it waits for.
        run_id: the run.
        at: Unix seconds.
        payloads: JSON texts whose values must not be in the message.
    """
    call = error if isinstance(error, CallError) and reason != DEPENDS else None
    message = f"waits for {cause}" if reason == DEPENDS else str(error)
    if call is not None and call.status:  # the words are Intercom's
        message = without_values(message, payloads)
    return DeadLetter(
        slot=item.slot,
        lane=lane,
        phase=phase,
        kind=kind,
        payload_hash=item.payload_hash,
        creates=item.creates,
        reason=reason,
        status=call.status if call else 0,
        code=writable(call.code) if call else ("no_object" if reason == REFUSED else ""),
        message=writable(message)[:_LONGEST_REASON],
        request_id=call.request_id if call else None,
        cause_slot=cause,
        run_id=run_id,
        at=at,
    )
