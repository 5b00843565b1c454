import socket
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from connector.identity.keyfile import load_key, load_secret
from tests.unit.cli.running import PROGRAM, Done, found, free_ports, run, serving

DID = "did:web:localhost%3A9101"


def init(home: Path, *more: str) -> Done:
    return run("init", home, "--did", DID, "--name", "Strängnäs kommun", "--lang", "en", *more)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_home_has_settings_keys_a_database_and_a_token(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    done = init(home, "--public-port", "9101", "--admin-port", "9102", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["id"] == DID
    settings = tomllib.loads((home / "connector.toml").read_text())
    assert settings == {"public_port": 9101, "admin_port": 9102, "language": "en"}
    keys = home / "keys" / "did_web_localhost_3A9101"
    made = done.json["fingerprints"]
    assert (load_key(keys / "token.pem").public.thumbprint, load_key(keys / "seal.pem").public.thumbprint) == (
        made["token"],
        made["seal"],
    )
    assert len(load_secret(home / "keys" / "grants.key")) == 32
    private = [
        home,
        home / "keys",
        keys,
        home / "connector.toml",
        home / "operator.token",
        home / "keys" / "grants.key",
    ]
    assert {mode(path) & 0o077 for path in private} == {0}
    assert (home / "policies").is_dir()
    assert len((home / "operator.token").read_text().strip()) >= 32
    assert (home / "operator.token").read_text().strip() not in done.out


def test_a_home_is_never_overwritten(tmp_path: Path) -> None:
    assert init(tmp_path).code == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = init(tmp_path, "--json")
    assert (again.code, again.problem["code"]) == (2, "cli_home_used")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("--database", "mysql://x"), "config_database"),
        (("--database", "sqlite:////no/such/folder/x.db"), "database_unreachable"),
    ],
)
def test_a_home_that_cannot_be_finished_is_not_begun(tmp_path: Path, more: tuple[str, ...], code: str) -> None:
    home = tmp_path / "home"
    done = init(home, *more, "--json")
    assert (done.code, done.problem["code"]) == (2, code)
    assert not home.exists()
    assert init(home).code == 0


def test_what_else_lies_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "mine.json").write_text("{}")
    assert init(tmp_path, "--database", "mysql://x").code == 2
    assert (tmp_path / "policies" / "mine.json").read_text() == "{}"
    assert init(tmp_path).code == 0
    assert (tmp_path / "policies" / "mine.json").read_text() == "{}"


def test_a_database_of_another_installation_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    assert init(tmp_path / "one", "--database", url).code == 0
    done = init(tmp_path / "two", "--database", url, "--json")
    assert (done.code, done.problem["code"]) == (2, "cli_database_used")
    assert not (tmp_path / "two").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    assert init(tmp_path / "home", "--json").problem["code"] == "cli_home_no_folder"


def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    done = run("init", tmp_path / "home", "--did", DID, "--name", " ", "--json")
    assert (done.code, done.problem["code"]) == (1, "participant_name")
    assert not (tmp_path / "home").exists()


def test_a_loopback_did_with_another_port_is_warned_about(tmp_path: Path) -> None:
    done = init(tmp_path / "home", "--public-port", "9301")
    assert done.code == 0
    assert done.err == (
        f"Note: {DID} says port 9101, but the public listener gets port 9301. "
        "Peers reach it only if something leads them there.\n"
    )


@pytest.mark.postgresql
def test_a_home_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    assert init(tmp_path / "home", "--database", postgresql_url).code == 0
    assert not (tmp_path / "home" / "connector.db").exists()
    assert init(tmp_path / "two", "--database", postgresql_url, "--json").problem["code"] == "cli_database_used"


@pytest.mark.slow
def test_serve_says_when_it_is_ready_and_stops_when_told(tmp_path: Path) -> None:
    town = found(tmp_path / "home", "Town")
    done = town.run("peers", "list", "--json")
    assert (done.code, done.problem["code"]) == (1, "cli_not_running")
    assert f"connector serve --home {town.home}" in done.problem["next"]
    with serving(town):
        assert town.json("peers", "list") == {"items": [], "next": None}
        second = town.run("serve", "--json")
        assert (second.code, second.problem["code"], second.problem["field"]) == (1, "cli_port_taken", "public_port")
        assert town.stop() == 0
    with socket.socket() as other:
        other.bind(("127.0.0.1", town.admin))
        other.listen()
        third = subprocess.run(
            [*PROGRAM, "serve", "--home", str(town.home), "--lang", "en"],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
    assert third.returncode == 1
    assert f"Port {town.admin} on 127.0.0.1 is taken." in third.stderr
    assert "Traceback" not in third.stderr


def test_serve_refuses_settings_that_cannot_be_used(tmp_path: Path) -> None:
    assert run("serve", "--home", tmp_path, "--json").problem["code"] == "cli_home_empty"
    (tmp_path / "connector.toml").write_text("public_prot = 1\n")
    done = run("serve", "--home", tmp_path, "--json")
    assert (done.code, done.problem["code"]) == (2, "config_unknown_near")


def test_serve_refuses_an_address_that_is_not_ours(tmp_path: Path) -> None:
    assert init(tmp_path).code == 0
    done = run("serve", "--home", tmp_path, "--json", environ={"CONNECTOR_PUBLIC_HOST": "192.0.2.1"})
    assert (done.code, done.problem["code"]) == (2, "cli_port_refused")


def test_the_folder_one_stands_in_is_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, admin = free_ports(2)
    assert init(tmp_path, "--admin-port", str(admin)).code == 0
    monkeypatch.chdir(tmp_path)
    assert run("doctor", "--json").problem["code"] == "cli_not_running"


def test_a_folder_without_an_installation_is_not_served_and_stays_empty(tmp_path: Path) -> None:
    done = run("serve", "--home", tmp_path, "--json")
    assert (done.code, done.problem["code"]) == (2, "cli_home_empty")
    assert list(tmp_path.iterdir()) == []


def test_a_command_to_copy_can_be_copied_whatever_the_folder_is_called(tmp_path: Path) -> None:
    home = tmp_path / "two words"
    assert f"connector serve --home '{home}'" in init(home).out
    assert f"connector serve --home '{home}'" in run("--home", home, "datasets", "list", "--lang", "en").err


def test_ctrl_c_while_the_program_is_being_imported_ends_it_without_a_word() -> None:
    script = (
        "import builtins, sys\n"
        "from connector.__main__ import main\n"
        "real = builtins.__import__\n"
        "def interrupted(name, *more):\n"
        "    if name == 'connector.cli' or name.startswith('connector.texts'):\n"
        "        raise KeyboardInterrupt\n"
        "    return real(name, *more)\n"
        "builtins.__import__ = interrupted\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
