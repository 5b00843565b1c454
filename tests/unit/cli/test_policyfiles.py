from pathlib import Path

from connector.cli.policyfiles import keep, place
from tests.unit.cli.running import run


def test_a_file_is_copied_into_the_folder_with_its_cases(tmp_path: Path) -> None:
    target = place(tmp_path / "policies", tmp_path / "open.json", b"{}", b"[[case]]")
    keep(target, b"{}", b"[[case]]")
    assert target.read_bytes() == b"{}"
    assert {file.name for file in target.parent.iterdir()} == {"open.json", "open.cases.toml"}
    assert place(target.parent, Path("open.json"), b"{}", None) == target


def test_a_file_of_the_same_name_with_other_content_is_left_alone(tmp_path: Path) -> None:
    keep(tmp_path / "open.json", b"one", b"cases")
    other = place(tmp_path, Path("open.json"), b"two", b"cases")
    assert other.name.startswith("open-")
    keep(other, b"two", b"cases")
    assert ((tmp_path / "open.json").read_bytes(), other.read_bytes()) == (b"one", b"two")
    assert place(tmp_path, Path("open.json"), b"two", b"cases") == other


def test_other_cases_for_the_same_policy_do_not_overwrite_those_there(tmp_path: Path) -> None:
    keep(tmp_path / "open.json", b"one", b"cases")
    assert place(tmp_path, Path("open.json"), b"one", b"other").name != "open.json"


def test_a_file_that_is_in_the_folder_already_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "open.json"
    file.write_bytes(b"{}")
    assert place(tmp_path, file, b"{}", None) == file
    keep(file, b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["open.json"]


def test_cases_that_are_not_utf_8_are_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"@type": "Offer", "permission": [{"action": "use"}]}')
    (tmp_path / "p.cases.toml").write_bytes('[[case]]\nname = "ö"'.encode("latin-1"))
    home = tmp_path / "home"
    assert run("init", home, "--did", "did:web:localhost%3A9101", "--name", "T").code == 0
    source = ("--title", "T", "--source", "http://localhost:1/x", "--policy", tmp_path / "p.json")
    done = run("--home", home, "--as", "did:web:localhost%3A9101", "datasets", "add", "d", *source, "--json")
    assert (done.code, done.problem["code"]) == (2, "cli_cases_toml")
