"""`denoiser deploy` and the commands that docs/hosting.md gives instead, against a fake Hub on this machine."""

import fnmatch
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from fake_hub import arrived

from denoiser import cli, deploy
from denoiser.files import WriteError

ROOT = Path(__file__).resolve().parents[2]
SPACE = "me/denoiser"


@pytest.fixture
def run(hub, tmp_path):
    """Runs a command with that Hub instead of the real one."""

    def run(*command, token="hf_fits"):
        variables = os.environ | {
            "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
            "HF_HOME": str(tmp_path / "hf"),
            "HF_TOKEN": token,
            "HF_HUB_DISABLE_XET": "1",  # the older protocol, which needs no further service
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=300)

    return run


# ---------- what is uploaded ----------


@pytest.fixture(scope="module")
def files():
    return deploy.space_files()


def test_the_space_is_the_page_and_nothing_else(files):
    assert {"app.py", "README.md", "requirements.txt", "LICENSE", "denoiser/web/shell/mount.js"} <= set(files)
    assert {"checkpoints/unet.safetensors", "checkpoints/vae-2d.codes.npz", "checkpoints/evaluation.json"} <= set(files)
    allowed = re.compile(
        r"(app\.py|README\.md|requirements\.txt|pyproject\.toml|LICENSE|CONTRIBUTING\.md|CITATION\.cff|\.gitattributes"
        r"|(denoiser|checkpoints|docs)/.+)$"
    )
    assert not [name for name in files if not allowed.match(name)]
    assert not [name for name in files if "ubyte" in name or "__pycache__" in name or name.endswith((".pt", ".pkl"))]


def test_everything_the_readme_links_to_is_uploaded(files):
    shown = re.findall(r"\]\(([^):#]+)\)", files["README.md"].decode())
    assert {"docs/images/demo.webp", "docs/results.md"} <= set(shown)
    assert set(shown) <= set(files)


def test_every_binary_file_is_in_git_lfs(files):
    patterns = [line.split()[0] for line in files[".gitattributes"].decode().splitlines() if "filter=lfs" in line]
    for name, content in files.items():
        large = any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
        try:
            content.decode()
        except UnicodeDecodeError:
            assert large, name
        else:
            assert not large, name
            assert len(content) < 10 * 2**20, name
    assert not (ROOT / ".gitattributes").exists()  # here they are ordinary files


def test_a_temporary_file_is_not_uploaded(tmp_path, monkeypatch):
    for name in (*(part for part in deploy.PARTS if "*" not in part), "checkpoints/.new.json.x1", "denoiser/a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.setattr(deploy, "ROOT", tmp_path)
    assert {name for name in deploy.space_files() if "/" in name} == {"denoiser/a.py"}


# ---------- the command ----------


def test_dry_run_lists_every_file_with_its_size(files, capsys):
    assert cli.main(["deploy", "--dry-run"]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert {name: size for size, name in lines[:-1]} == {name: f"{len(content):,}" for name, content in files.items()}
    assert lines[-1][0] == f"{sum(map(len, files.values())):,}"


def test_to_a_folder_writes_just_what_would_be_uploaded(files, tmp_path, capsys):
    folder = tmp_path / "space"
    assert cli.main(["deploy", "--to", str(folder)]) == 0
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written == set(files)
    assert cli.main(["deploy", "--to", str(folder)]) == 2
    assert "is not empty" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError):
        deploy.write_copy(files, tmp_path / "file" / "space")


@pytest.mark.parametrize("name", ["denoiser", "me/denoiser/more", "me/de noiser", "-me/denoiser", ""])
def test_a_bad_name_is_a_sentence(name, capsys, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_fits")
    assert cli.main(["deploy", "--", name]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_without_a_token_it_says_how_to_get_one(capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    assert cli.main(["deploy", SPACE]) == 2
    assert "hf auth login" in capsys.readouterr().err


@pytest.mark.slow
def test_deploy_creates_the_space_and_uploads_the_page(hub, run, files):
    hub.there += ["checkpoints/old.safetensors", "packages.txt"]
    done = run(sys.executable, "-m", "denoiser", "deploy", SPACE, "--private")
    assert done.returncode == 0, done.stderr
    assert f"/spaces/{SPACE}: {len(files)} files" in done.stdout
    assert hub.created["organization"] == "me"
    assert hub.created["type"] == "space"
    assert hub.created["sdk"] == "gradio"
    assert hub.created["hardware"] == "zero-a10g"
    assert hub.created["visibility"] == "private"
    assert {"key": "GRADIO_SSR_MODE", "value": "false"} in hub.created["variables"]
    assert arrived(hub) == files | {"checkpoints/old.safetensors": None}  # and packages.txt, the owner's, stays


@pytest.mark.slow
def test_the_commands_in_the_docs_do_the_same(hub, run, files):
    text = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    commands = re.findall(r"^(hf (?:repos|upload) .+)$", text, re.MULTILINE)
    assert len(commands) == 2
    assert run(sys.executable, "-m", "denoiser", "deploy", "--to", "space").returncode == 0
    for command in commands:
        done = run(*shlex.split(command.replace("USER/NAME", SPACE)))
        assert done.returncode == 0, done.stderr
    assert hub.created["hardware"] == "zero-a10g"
    assert {"key": "GRADIO_SSR_MODE", "value": "false"} in hub.created["variables"]
    assert arrived(hub) == files


@pytest.mark.parametrize(
    ("refusal", "token", "says"),
    [
        (None, "hf_wrong", "the token is not valid"),
        ((402, "Payment required"), "hf_fits", "--hardware zero-a10g (Payment required"),
        ((403, "Forbidden"), "hf_fits", "the token may not write there"),
        ((500, "Down"), "hf_fits", "the Hub refused"),
        ("gone", "hf_fits", "cannot be reached"),
    ],
    ids=["token", "hardware", "rights", "fault", "network"],
)
def test_what_the_hub_refuses_is_a_sentence(hub, capsys, monkeypatch, refusal, token, says):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{hub.server_port}")
    monkeypatch.setenv("HF_TOKEN", token)
    hub.refusal = refusal
    if refusal == "gone":
        hub.shutdown()
        hub.server_close()
    assert cli.main(["deploy", SPACE, "--hardware", "cpu-basic"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert says in printed.err
    assert printed.err.count("\n") == 1
    assert not hub.commits
