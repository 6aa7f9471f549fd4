"""What checkouts share: where it is, what is shown of it, and that a folder of a checkout's own comes first."""

from lstm_ref.__main__ import main
from lstm_ref.files import user_cache
from lstm_ref.parity.session import cached_truths, truths_of_build


def test_it_is_shown_and_cleared(tmp_path, monkeypatch, capsys):
    """By folder; nothing else that is there goes."""
    monkeypatch.setenv("LSTM_PARITY_CACHE", str(tmp_path))
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "a.npz").write_bytes(bytes(2**21))
    (tmp_path / "other").touch()
    assert main(["cache"]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path) in said and "truth       1 files      2.0 MiB" in said and "jax         0 files" in said
    assert main(["cache", "--clear"]) == 0
    assert "removed" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_a_file_is_no_cache(tmp_path, monkeypatch, capsys):
    """It is named by its variable, and left."""
    monkeypatch.setenv("LSTM_PARITY_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    assert main(["cache", "--clear"]) == 2
    assert capsys.readouterr().err.startswith("error: LSTM_PARITY_CACHE: expected a folder, found the file ")
    assert (tmp_path / "file").exists()


def test_a_checkouts_own_come_first(tmp_path, monkeypatch):
    """Where it has a folder of truths."""
    monkeypatch.setenv("LSTM_PARITY_CACHE", str(tmp_path / "cache"))
    assert user_cache() == tmp_path / "cache" and cached_truths() == tmp_path / "cache" / "truth"
    assert truths_of_build(tmp_path) == cached_truths()
    (tmp_path / "truth").mkdir()
    assert truths_of_build(tmp_path) == tmp_path / "truth"
