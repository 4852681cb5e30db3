"""Container and service files: nothing is root, writes where it need not, or holds a secret."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.deployed import DEPLOY, Image, image

COMPOSE = DEPLOY / "container" / "compose.yaml"
UNIT = DEPLOY / "systemd" / "smart-leverage.service"
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.-]+)?(@sha256:[0-9a-f]{64})?")
SECRET = re.compile(r"(?i)pass(word)?|secret|token|api_?key|private")


@pytest.fixture(scope="module")
def told() -> Image:
    return image()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text()))


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return dict(compose["services"])


# -- the image ------------------------------------------------------------------------------------


def test_both_stages_stand_on_one_pinned_base(told: Image) -> None:
    assert PINNED.fullmatch(told.arguments["BASE"])
    assert [words for stage in told.stages for name, words in stage if name == "FROM"] == [
        "${BASE} AS build",
        "${BASE}",
    ]


def test_the_image_is_made_by_hashes_and_holds_no_tool_that_made_it(told: Image) -> None:
    (installs,) = [words for name, words in told.stages[0] if "pip install" in words]
    assert "--require-hashes" in installs
    script = (DEPLOY / "container" / "install.sh").read_text()
    assert "uv pip sync --quiet --require-hashes" in script
    assert "uv export --quiet --frozen" in script
    assert "--no-index" in script
    tools = (DEPLOY / "container" / "build.txt").read_text()
    entries = re.split(r"(?m)^(?=[a-z-]+==)", tools)[1:]
    assert len(entries) > 3
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    last = " ".join(words for _, words in told.last)
    assert not re.search(r"pip install|apt-get|gcc|uv |hatch|curl|wget", last)
    assert told.of("COPY") == ["--from=build /opt/smart-leverage /opt/smart-leverage"]


def test_the_image_runs_as_a_user_who_owns_its_data_alone(told: Image) -> None:
    (user,) = told.of("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    names = [name for name, _ in told.last]
    assert names.index("USER") > max(n for n, name in enumerate(names) if name in ("RUN", "COPY"))
    (volume,) = told.of("VOLUME")
    (folder,) = told.of("WORKDIR")
    assert volume == f'["{folder}"]'
    uid, _, gid = user.partition(":")
    owned = f"--owner={uid} --group={gid} --mode=0700 {folder}"
    assert owned in " ".join(told.of("RUN"))


def test_the_image_knows_no_secret_and_says_none(told: Image) -> None:
    words = " ".join(
        words for stage in told.stages for name, words in stage if name in ("ENV", "ARG")
    )
    assert not SECRET.search(words)
    assert "--quiet" in told.command  # else the keys of the first bot stand in the log
    ignored = (DEPLOY.parent / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert ignored.index("deploy/secrets") > ignored.index("!deploy")


def test_the_health_check_is_a_file_that_is_installed(told: Image) -> None:
    python, script = told.health
    assert python == "/opt/smart-leverage/bin/python"
    inside = Path(script).relative_to("/opt/smart-leverage/share/smart-leverage")
    assert (DEPLOY / inside).is_file()


# -- compose --------------------------------------------------------------------------------------


def test_no_service_is_root_writes_into_its_image_or_gains_rights(
    services: dict[str, dict[str, Any]],
) -> None:
    assert services.keys() == {"account", "prometheus", "grafana", "postgres"}
    for name, one in services.items():
        assert int(str(one["user"]).partition(":")[0]) > 0, name
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in one["security_opt"], name
        assert not {"privileged", "cap_add", "pid", "ipc", "devices"} & one.keys(), name
        assert PINNED.fullmatch(one["image"]), name
        assert "docker.sock" not in str(one), name


def test_nothing_listens_beyond_this_machine(services: dict[str, dict[str, Any]]) -> None:
    for name, one in services.items():
        for port in one.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
    assert "--web.listen-address=127.0.0.1:9090" in services["prometheus"]["command"]
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert "SERVER__HOST" not in str(services["account"])


def test_secrets_are_files_and_every_one_is_declared(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    used = set()
    for one in services.values():
        for name, value in one.get("environment", {}).items():
            if SECRET.search(name):
                assert name.endswith("_FILE")
                assert value.startswith("/run/secrets/")
        given = one.get("secrets", [])
        used |= {each if isinstance(each, str) else each["source"] for each in given}
    assert used == compose["secrets"].keys()
    ignored = (DEPLOY.parent / ".gitignore").read_text().splitlines()
    assert "/deploy/secrets/" in ignored
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("../secrets/")


def test_every_file_and_volume_that_is_mounted_is_there(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    named = set()
    for one in services.values():
        for mount in one.get("volumes", []):
            source, _, rest = mount.partition(":")
            if source.startswith("."):
                assert (COMPOSE.parent / source).resolve().exists(), mount
                assert rest.endswith(":ro"), mount
            else:
                named.add(source)
    assert named == compose["volumes"].keys()
    build = services["account"]["build"]
    assert (COMPOSE.parent / build["context"] / build["dockerfile"]).resolve() == (
        DEPLOY / "container" / "Dockerfile"
    )


def test_every_service_says_whether_it_is_healthy(services: dict[str, dict[str, Any]]) -> None:
    # That of the account stands in its image.
    assert {name for name, one in services.items() if "healthcheck" not in one} == {"account"}


def test_image_compose_unit_and_scrape_name_one_place(
    told: Image, services: dict[str, dict[str, Any]]
) -> None:
    scrape = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (job,) = scrape["scrape_configs"]
    gateway = job["static_configs"][0]["targets"][0]
    port = gateway.partition(":")[2]
    assert services["account"]["environment"]["SMART_LEVERAGE_SERVER__PORT"] == port
    assert f"SMART_LEVERAGE_SERVER__PORT={port}" in " ".join(told.of("ENV"))
    assert f"Environment=SMART_LEVERAGE_SERVER__PORT={port}" in UNIT.read_text()
    token = services["prometheus"]["secrets"][0]["target"]
    assert job["authorization"]["credentials_file"] == token
    source = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text()
    )["datasources"][0]
    assert (
        f"--web.listen-address={source['url'].removeprefix('http://')}"
        in (services["prometheus"]["command"])
    )
    boards = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "dashboards" / "smart-leverage.yml").read_text()
    )["providers"][0]["options"]["path"]
    assert any(f":{boards}/" in mount for mount in services["grafana"]["volumes"])
    assert [*told.entrypoint, *told.command] == _unit()["Service"]["execstart"].split()


# -- systemd --------------------------------------------------------------------------------------


def _unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(UNIT.read_text())
    return parser


def test_the_unit_may_write_in_its_folder_only() -> None:
    service = _unit()["Service"]
    wanted = {
        "nonewprivileges": "yes",
        "protectsystem": "strict",
        "protecthome": "yes",
        "privatetmp": "yes",
        "capabilityboundingset": "",
        "restart": "on-failure",
        "statedirectory": "smart-leverage",
        "statedirectorymode": "0700",
        "readwritepaths": "/var/lib/smart-leverage",
        "limitcore": "0",
    }
    assert {name: service[name] for name in wanted} == wanted
    assert service["user"] != "root"
    given = re.findall(r"(?m)^(?:Environment|ExecStart)=(.*)", UNIT.read_text())
    assert given
    assert not SECRET.search(" ".join(given))
    assert _unit()["Unit"]["conditionpathexists"].startswith(service["readwritepaths"])


def test_systemd_itself_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    verifier = shutil.which("systemd-analyze")
    copy = tmp_path / UNIT.name
    # Where nothing is installed, the program of the unit is another one.
    copy.write_text(re.sub(r"(?m)^ExecStart=.*", "ExecStart=/bin/true", UNIT.read_text()))
    if verifier is None:
        assert _unit().sections() == ["Unit", "Service", "Install"]
        return
    done = subprocess.run(
        [verifier, "verify", str(copy)], capture_output=True, text=True, check=False, timeout=60.0
    )
    assert (done.returncode, done.stderr) == (0, "")
