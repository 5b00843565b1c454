from pathlib import Path

from connector.cli.policyfiles import keep


def test_a_file_is_copied_into_the_folder(tmp_path: Path) -> None:
    file = tmp_path / "open.json"
    assert keep(tmp_path / "policies", file, b"{}").read_bytes() == b"{}"
    assert keep(tmp_path / "policies", file, b"{}").name == "open.json"


def test_a_file_of_the_same_name_with_other_content_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    first = keep(folder, Path("open.json"), b"one")
    second = keep(folder, Path("open.json"), b"two")
    assert (first.read_bytes(), second.read_bytes()) == (b"one", b"two")
    assert second.name.startswith("open-")
    assert keep(folder, Path("open.json"), b"two") == second


def test_a_file_that_is_in_the_folder_already_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "open.json"
    file.write_bytes(b"{}")
    assert keep(tmp_path, file, b"{}") == file
    assert [path.name for path in tmp_path.iterdir()] == ["open.json"]
