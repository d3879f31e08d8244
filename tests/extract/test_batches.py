"""Every row arrives; a value that does not fit is changed or null, and reported."""

import math
import string
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.otrs.batches import TYPES, BatchColumn, Rejected, batches, schema

MODULE = import_module("extract.otrs.batches")  # the package has a function of that name

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def through(values: list[Any], kind: str) -> tuple[list[Any], list[str]]:
    """The values of one column after the way through Arrow, and the reasons of the rejects."""
    rejected: list[Rejected] = []
    rows = [(number, value) for number, value in enumerate(values)]
    columns = [BatchColumn("id", "integer"), BatchColumn("value", kind)]
    tables = list(batches(iter(rows), columns, table="ticket", key=(0,), reject=rejected.append))
    out = pa.concat_tables(tables)
    assert out.schema == schema(columns)
    assert out["id"].to_pylist() == list(range(len(values)))
    assert all((reject.table, reject.column) == ("ticket", "value") for reject in rejected)
    return out["value"].to_pylist(), [reject.reason for reject in rejected]


@pytest.mark.parametrize(
    ("kind", "value", "arrives", "reason"),
    [
        ("text", b"Gr\xfc\xdfe", "Gr\ufffd\ufffde", "not UTF-8 at byte 2"),
        ("text", "a\ud800b", "a?b", "lone surrogate at character 1"),
        ("integer", 2**63, None, "beyond 64 bits"),
        ("integer", -(2**63) - 1, None, "beyond 64 bits"),
        ("integer", "12x", None, "not a whole number: '12x'"),
        ("integer", math.nan, None, "not a whole number: nan"),
        ("integer", math.inf, None, "not a whole number: inf"),
        ("integer", 1.5, None, "not a whole number: 1.5"),
        ("integer", Decimal("1.5"), None, "not a whole number"),
        ("decimal", math.nan, None, "not a finite number"),
        ("decimal", math.inf, None, "not a finite number"),
        ("decimal", "1,5", None, "not a number: '1,5'"),
        ("decimal", Decimal(10) ** 33, None, "more than 32 digits"),
        ("decimal", Decimal("0.1234567"), Decimal("0.123457"), "rounded to six decimals"),
        ("timestamp", "0000-00-00 00:00:00", None, "zero date"),
        ("timestamp", "2024-00-10 00:00:00", None, "not a date: '2024-00-10 00:00:00'"),
        ("timestamp", "2023-02-30 10:00:00", None, "not a date"),
        ("timestamp", 5, None, "not a date: '5'"),
        ("timestamp", "soon", None, "not a date: 'soon'"),
        ("bytes", "a\ud800", b"a?", "lone surrogate"),
    ],
)
def test_a_value_that_does_not_fit_is_replaced_and_reported(kind: str, value: Any, arrives: Any, reason: str) -> None:
    values, reasons = through([None, value, None], kind)
    assert values == [None, arrives, None]
    assert len(reasons) == 1
    assert reasons[0].startswith(reason)


@pytest.mark.parametrize(
    ("kind", "value", "arrives"),
    [
        ("text", "Grüße".encode(), "Grüße"),
        ("text", bytearray(b"abc"), "abc"),
        ("text", memoryview(b"abc"), "abc"),
        ("text", 17, "17"),
        ("text", "", ""),
        ("text", "a\0b", "a\0b"),
        ("integer", "17", 17),
        ("integer", b"17", 17),
        ("integer", 17.0, 17),
        ("integer", True, 1),
        ("integer", "", None),
        ("decimal", "1.50", Decimal("1.5")),
        ("decimal", 1.5, Decimal("1.5")),
        ("decimal", 3, Decimal(3)),
        ("decimal", b"2.25", Decimal("2.25")),
        ("decimal", Decimal(12345678901234567890123456789012), Decimal(12345678901234567890123456789012)),
        ("timestamp", "2024-02-29 12:30:00", datetime.fromisoformat("2024-02-29T12:30:00")),
        ("timestamp", b"2024-02-29 12:30:00", datetime.fromisoformat("2024-02-29T12:30:00")),
        ("timestamp", date(2024, 2, 29), datetime.fromisoformat("2024-02-29")),
        ("timestamp", "2024-02-29", datetime.fromisoformat("2024-02-29")),
        ("timestamp", "", None),
        ("bytes", "Grüße", "Grüße".encode()),
        ("bytes", memoryview(b"\0\xff"), b"\0\xff"),
        ("bytes", 2**40, b"1099511627776"),
    ],
)
@pytest.mark.parametrize("company", [[], ["clearly not of this type"]], ids=["alone", "beside a misfit"])
def test_a_value_that_fits_in_another_form_is_taken_without_complaint(
    kind: str, value: Any, arrives: Any, company: list[str]
) -> None:
    values, reasons = through([value, *company], kind)
    assert values[0] == arrives
    assert len(reasons) <= len(company)


def test_a_reject_names_the_row_by_its_whole_key() -> None:
    rejected: list[Rejected] = []
    columns = [BatchColumn("user_id", "integer"), BatchColumn("name", "text"), BatchColumn("value", "integer")]
    list(batches([(7, "a", "x"), (8, "b", 1)], columns, table="t", key=(0, 1), reject=rejected.append))
    assert rejected == [Rejected("t", "7|a", "value", "not a whole number: 'x'")]


@given(st.lists(st.one_of(st.none(), TEXT), min_size=1))
def test_any_text_arrives_unchanged(values: list[str | None]) -> None:
    assert through(values, "text") == (values, [])
    assert through([value and value.encode() for value in values], "text") == (values, [])


@given(st.lists(st.one_of(st.none(), st.binary(max_size=60)), min_size=1))
def test_any_bytes_arrive_unchanged(values: list[bytes | None]) -> None:
    assert through(values, "bytes") == (values, [])


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1))
def test_any_integer_of_64_bits_arrives_unchanged(values: list[int | None]) -> None:
    assert through(values, "integer") == (values, [])
    assert through([None if value is None else str(value) for value in values], "integer") == (values, [])


@given(st.lists(st.one_of(st.none(), st.datetimes(min_value=datetime.fromisoformat("1000-01-01"))), min_size=1))
def test_any_time_arrives_unchanged(values: list[datetime | None]) -> None:
    assert through(values, "timestamp") == (values, [])
    assert through([value and value.isoformat(" ") for value in values], "timestamp") == (values, [])


@given(st.lists(st.decimals(-(10**31), 10**31, allow_nan=False, places=6), min_size=1))
def test_any_number_of_six_decimals_arrives_unchanged(values: list[Decimal]) -> None:
    assert through(list(values), "decimal") == (values, [])


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.binary(max_size=20),
    st.decimals(),
    st.datetimes(),
    st.dates(),
    st.timedeltas(),
    st.text(string.digits + "-: .", max_size=20),
)


@given(st.lists(ANYTHING, min_size=1, max_size=8), st.sampled_from(sorted(TYPES)))
def test_whatever_a_driver_gives_every_row_arrives(values: list[Any], kind: str) -> None:
    arrived, reasons = through(values, kind)
    assert len(arrived) == len(values)
    none = (None, "", b"")
    lost = [value for value, there in zip(values, arrived, strict=True) if there is None and value not in none]
    assert len(lost) <= len(reasons)


def test_batches_are_cut_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "BATCH_BYTES", 10_000)
    columns = [BatchColumn("id", "integer"), BatchColumn("body", "text"), BatchColumn("file", "bytes")]
    rows = [(number, "x" * 1000, b"y" * 1000) for number in range(50)] + [(50, "x" * 90_000, None), (51, "", None)]
    tables = list(batches(iter(rows), columns, table="t", key=(0,), reject=lambda _: None))
    assert [number for table in tables for number in table["id"].to_pylist()] == list(range(52))
    assert all(table.nbytes < 15_000 for table in tables[:-2])
    assert len(tables) == 12
    assert tables[-2].num_rows == 1


def test_batches_of_small_rows_are_cut_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "BATCH_ROWS", 100)
    tables = list(
        batches(((n,) for n in range(250)), [BatchColumn("id", "integer")], table="t", key=(0,), reject=print)
    )
    assert [table.num_rows for table in tables] == [100, 100, 50]


def test_rows_are_not_read_ahead_of_the_batch_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "BATCH_ROWS", 10)
    read = []
    rows = ((read.append(number) or number,) for number in range(100))  # type: ignore[func-returns-value]
    stream = batches(rows, [BatchColumn("id", "integer")], table="t", key=(0,), reject=print)
    next(stream)
    assert len(read) == 10


@pytest.mark.parametrize(
    ("kind", "given", "arrives", "reasons"),
    [
        ("integer", [b"1", None, b"-5"], [1, None, -5], 0),
        ("integer", [b"1", b""], [1, None], 0),
        ("integer", [b"1", b"x"], [1, None], 1),
        ("text", [b"a", "ü".encode(), None], ["a", "ü", None], 0),
        ("text", [b"a", b"\xff"], ["a", "\ufffd"], 1),
        ("decimal", [b"1.50", None], [Decimal("1.500000"), None], 0),
        ("decimal", [b"1.5", b"1,5"], [Decimal("1.500000"), None], 1),
        ("timestamp", [b"2024-01-02 03:04:05", None], [datetime(2024, 1, 2, 3, 4, 5), None], 0),  # noqa: DTZ001
        ("timestamp", [b"2024-01-02 03:04:05", b"0000-00-00 00:00:00"], [datetime(2024, 1, 2, 3, 4, 5), None], 1),  # noqa: DTZ001
        ("bytes", [b"\xff", None], [b"\xff", None], 0),
    ],
)
def test_values_that_come_as_bytes_are_converted_by_the_column(
    kind: str, given: list[Any], arrives: list[Any], reasons: int
) -> None:
    values, rejected = through(given, kind)
    assert values == arrives
    assert len(rejected) == reasons
