"""Run by test_database_servers.py in a process of its own; its name keeps it out of an ordinary run."""

import os


def test_no_setting_is_left_and_no_figure_is_sent() -> None:
    assert not [name for name in os.environ if name.startswith(("INTERCOM__", "OTRS__"))]
    assert os.environ["RUNTIME__DLTHUB_TELEMETRY"] == "false"
    os.environ["OTRS__CREDENTIALS"] = "left behind"


def test_what_a_test_set_is_gone_in_the_next() -> None:
    assert "OTRS__CREDENTIALS" not in os.environ
