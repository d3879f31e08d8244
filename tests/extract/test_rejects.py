"""Rejected values are kept on disk, all of them, in order."""

import pytest

from extract.otrs import rejects
from extract.otrs.batches import Rejected
from extract.otrs.rejects import Rejects


@pytest.mark.parametrize("number", [0, 1, 4, 5, 23])
def test_all_of_them_come_back_in_order(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejects, "HELD", 5)
    with Rejects() as kept:
        for key in range(number):
            kept.add(Rejected("ticket", str(key), "title", "why ü"))
        assert len(kept) == number
        rows = [row for table in kept.tables() for row in table.to_pylist()]
    assert [row["row_key"] for row in rows] == [str(key) for key in range(number)]
    assert {row["reason"] for row in rows} == ({"why ü"} if number else set())


def test_there_is_a_table_even_of_none() -> None:
    with Rejects() as kept:
        (table,) = kept.tables()
    assert table.column_names == ["table_name", "row_key", "column_name", "reason"]
