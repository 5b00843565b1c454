import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from connector import texts
from connector.config import SETTINGS, Config, allowed, check_listeners, is_loopback, load, write_first
from connector.errors import ConfigError

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


def refused(home: Path, environ: dict[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(home, environ or {})
    return caught.value


def test_a_first_run_needs_no_file(tmp_path: Path) -> None:
    config = load(tmp_path, {})
    assert (config.public_host, config.admin_host, config.page_size) == ("127.0.0.1", "127.0.0.1", 100)
    assert config.database_url() == f"sqlite:///{tmp_path}/connector.db"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "connector.toml").write_text('public_port = 1\nlanguage = "en"\ntrusted_proxies = ["10.1.2.3/8"]\n')
    environ = {"CONNECTOR_PUBLIC_PORT": "2", "PATH": "/bin", "CONNECTOR_PAGE_SIZE": ""}
    config = load(tmp_path, environ)
    assert (config.public_port, config.language, config.page_size) == (2, "en", 100)
    assert config.trusted_proxies == ("10.0.0.0/8",)
    assert load(tmp_path, {"CONNECTOR_TRUSTED_PROXIES": "127.0.0.1, ::1"}).trusted_proxies == (
        "127.0.0.1/32",
        "::1/128",
    )


@pytest.mark.parametrize(("name", "near"), [("pubic_port", "public_port"), ("databse", "database"), ("home", None)])
def test_an_unknown_key_is_an_error_that_names_the_nearest(tmp_path: Path, name: str, near: str | None) -> None:
    (tmp_path / "connector.toml").write_text(f"{name} = 1\n")
    error = refused(tmp_path)
    assert error.code == ("config_unknown_near" if near else "config_unknown")
    assert error.values.get("near") == near


def test_a_misspelt_variable_is_an_error_and_a_stranger_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    error = refused(tmp_path, {"CONNECTOR_PUBLIC_PROT": "1"})
    assert (error.code, error.values["near"]) == ("config_unknown_near", "CONNECTOR_PUBLIC_PORT")
    load(tmp_path, {"CONNECTOR_COLOUR": "blue", "CONNECTOR_PORT": "tcp://10.0.0.1:1", "CONNECTOR_SERVICE_HOST": "x"})
    assert [record.getMessage() for record in caplog.records] == [
        "environment variable is no setting: name=CONNECTOR_COLOUR"
    ]


@pytest.mark.parametrize(
    ("line", "code", "setting"),
    [
        ("public_port = 70000", "config_value", "public_port"),
        ('public_port = "many"', "config_value", "public_port"),
        ("header_seconds = 0", "config_value", "header_seconds"),
        ("header_seconds = nan", "config_value", "header_seconds"),
        ('language = "no"', "config_value", "language"),
        ('trusted_proxies = ["everyone"]', "config_value", "trusted_proxies"),
        ("trusted_proxies = 5", "config_value", "trusted_proxies"),
        ('database = "mysql://x"', "config_database", "database"),
        ('admin_tls_key_file = "key.pem"', "config_tls_pair", "admin_tls_key_file"),
        ("public_port = ", "config_file", None),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(tmp_path: Path, line: str, code: str, setting: str | None) -> None:
    (tmp_path / "connector.toml").write_text(line)
    error = refused(tmp_path)
    assert error.code == code
    assert error.field == (setting or str(tmp_path / "connector.toml"))
    for language in texts.LANGUAGES:
        for key in ("text", "next"):
            assert "{" not in texts.catalogue(language)[code][key].format_map(error.values)


def test_a_refused_value_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "connector.toml").write_text('database = ["postgresql://town:hemlig@host/db"]')
    assert "hemlig" not in repr(refused(tmp_path)) + str(refused(tmp_path).values)


def test_the_database_password_is_a_file_and_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s/e:c\n")
    environ = {
        "CONNECTOR_DATABASE": "postgresql://town@db:5432/connector",
        "CONNECTOR_DATABASE_PASSWORD_FILE": "password",
    }
    config = load(tmp_path, environ)
    assert config.database_url() == "postgresql://town:s%2Fe%3Ac@db:5432/connector"
    assert "postgresql" not in repr(config)
    missing = load(tmp_path, {**environ, "CONNECTOR_DATABASE_PASSWORD_FILE": "/nowhere"})
    with pytest.raises(ConfigError, match="config_secret_missing"):
        missing.database_url()


def test_database_addresses(tmp_path: Path) -> None:
    assert load(tmp_path, {"CONNECTOR_DATABASE": "sqlite:////srv/c.db"}).database_url() == "sqlite:////srv/c.db"
    url = "postgresql://town:pw@db/connector"
    assert load(tmp_path, {"CONNECTOR_DATABASE": url}).database_url() == url


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("localhost", True)]
    + [(host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "localhost.evil.example", "")],  # noqa: S104 - the case
)
def test_loopback_addresses(host: str, expected: bool) -> None:  # noqa: FBT001 - a case of the table
    assert is_loopback(host) is expected


def listeners(home: Path, environ: dict[str, str], *, loopback: bool = False, operators: int = 1) -> str:
    try:
        check_listeners(load(home, environ), loopback=loopback, operators=operators)
    except ConfigError as error:
        return error.code
    return "binds"


TLS = {"CONNECTOR_ADMIN_TLS_CERTIFICATE_FILE": "c.pem", "CONNECTOR_ADMIN_TLS_KEY_FILE": "/k.pem"}
OPEN = {"CONNECTOR_ADMIN_HOST": "0.0.0.0"}  # noqa: S104 - the case


def test_a2_39_the_private_listener_opens_only_with_https_and_a_token(tmp_path: Path) -> None:
    assert listeners(tmp_path, {}, operators=0) == "binds"
    assert listeners(tmp_path, OPEN) == "config_admin_https"
    assert listeners(tmp_path, OPEN | TLS, operators=0) == "config_admin_token"
    assert listeners(tmp_path, OPEN | TLS) == "binds"
    assert load(tmp_path, TLS).admin_tls() == (tmp_path / "c.pem", Path("/k.pem"))
    assert load(tmp_path, {}).admin_tls() is None


def test_a_loopback_installation_opens_nothing_to_others(tmp_path: Path) -> None:
    assert listeners(tmp_path, {}, loopback=True) == "binds"
    assert listeners(tmp_path, {"CONNECTOR_PUBLIC_HOST": "0.0.0.0"}, loopback=True) == "config_loopback"  # noqa: S104
    assert listeners(tmp_path, OPEN | TLS, loopback=True) == "config_loopback"
    assert listeners(tmp_path, {"CONNECTOR_PUBLIC_HOST": "::"}) == "binds"


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_first_file_shows_every_setting_and_loads(tmp_path: Path, language: str) -> None:
    path = write_first(tmp_path, language=language, public_port=1234, database='postgresql://a"b@c/d')
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert all(f"{name} = " in text and texts.say(f"setting_{name}", language) in text for name in SETTINGS)
    assert tomllib.loads(text) == {"language": language, "public_port": 1234, "database": 'postgresql://a"b@c/d'}
    uncommented = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if " = " in line and "://u" not in line
    )
    path.write_text("\n".join(line for line in uncommented.splitlines() if line.split(" = ")[0] in SETTINGS))
    config = load(tmp_path, {})
    assert config == Config(home=tmp_path, language=language, public_port=1234, database='postgresql://a"b@c/d')


def test_the_first_file_overwrites_nothing_and_takes_only_settings(tmp_path: Path) -> None:
    write_first(tmp_path)
    with pytest.raises(ConfigError, match="config_exists"):
        write_first(tmp_path)
    with pytest.raises(ConfigError, match="config_unknown_near"):
        write_first(tmp_path, publik_port=1)


def row(name: str) -> str:
    default, accepts = Config.model_fields[name].default, allowed(name)
    cells = [f"`{name}`", "" if default is None else f"`{default}`"]
    cells += [f"`{accepts}`".replace("|", r"\|") if "…" in accepts or "|" in accepts else ""]
    return f"| {' | '.join([*cells, texts.say(f'setting_{name}', 'en')])} |"


def test_every_setting_is_documented() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| `")] == [row(name) for name in SETTINGS]


def test_reading_settings_starts_no_server_library() -> None:
    program = "import sys, connector.config; print('aiohttp' in sys.modules, 'sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]
