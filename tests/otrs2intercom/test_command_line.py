"""What the program says when it fails itself."""

import pytest

from otrs2intercom import cli


def test_a_bug_of_any_command_is_told_without_the_data_it_had_in_hand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ValueError("could not convert 'jane.roe@example.com'")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "builtins.ValueError" in said
    assert "in fail" in said
    assert "jane" not in said
