"""Memory is bounded while rows are loaded, and as much as rows that are handled at once need."""

import pytest

from extract.generations import VECTOR_ROWS, Widest


def test_the_heaviest_rows_in_a_row_count_not_their_number() -> None:
    widest = Widest()
    for _ in range(100):
        widest.add("ticket", 20_000, 1_000_000)
    assert widest.bytes == 1_000_000


def test_small_batches_add_up_to_what_is_handled_at_once() -> None:
    widest = Widest()
    for _ in range(1_000):
        widest.add("virtual_fs_db", 8, 16_000_000)
    assert widest.bytes == pytest.approx(VECTOR_ROWS / 8 * 16_000_000, rel=0.01)


def test_tables_do_not_add_up() -> None:
    widest = Widest()
    for table in ("ticket", "article", "users"):
        widest.add(table, 10, 5_000)
    assert widest.bytes == 5_000


def test_a_heavy_stretch_is_remembered_when_it_is_over() -> None:
    widest = Widest()
    widest.add("article", 100, 900)
    widest.add("article", 5_000, 50_000_000)
    for _ in range(50):
        widest.add("article", 5_000, 5_000)
    assert widest.bytes == 50_000_000
