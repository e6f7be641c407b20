"""Models on the Hub, against a fake one on this machine: put there with a card, downloaded, cached, checked."""

import base64
import json
import re

import pytest
import torch
import yaml
from fake_hub import COMMIT, arrived

from denoiser import checkpoint, cli, load_model
from denoiser.checkpoint import CheckpointError, load_checkpoint
from denoiser.hub.client import HubError
from denoiser.hub.download import download
from denoiser.hub.push import model_files, with_card
from denoiser.settings import current

NAME = "me/zoo"
SMALL = "conv-8"
ADDRESS = f"hf://{NAME}/{SMALL}"


@pytest.fixture
def near(hub, monkeypatch, tmp_path):
    """The fake Hub in place of the real one, with an empty cache and a token that may write."""
    address = f"http://127.0.0.1:{hub.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    files = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", files)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # the protocol without further services
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.setenv("HF_TOKEN", "hf_fits")
    return hub


@pytest.fixture
def pushed(near, capsys):
    """The Hub after `denoiser push me/zoo conv-8`."""
    assert cli.main(["push", NAME, SMALL, "--private"]) == 0
    assert f'load_model("{ADDRESS}")' in capsys.readouterr().out
    return near


def test_what_is_pushed_can_be_loaded_and_is_the_same(pushed):
    assert (pushed.created["name"], pushed.created["organization"]) == ("zoo", "me")
    model, record = load_model(ADDRESS)
    ours, original = load_checkpoint(SMALL)
    assert not model.training
    assert record == original
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), ours.parameters(), strict=True))
    assert load_model(f"hf://{NAME}@main/{SMALL}")[1] == load_model(f"hf://{NAME}@{COMMIT}/{SMALL}")[1] == original


def test_the_repository_holds_weights_configuration_and_card(pushed):
    files = arrived(pushed)
    assert files.keys() == {"README.md", f"{SMALL}/config.json", f"{SMALL}/model.safetensors"}
    assert files[f"{SMALL}/model.safetensors"] == (current.checkpoints / f"{SMALL}.safetensors").read_bytes()


def test_what_was_downloaded_is_found_without_a_network(pushed):
    load_model(ADDRESS)
    asked = len(pushed.requests)
    pushed.shutdown()
    pushed.server_close()
    assert load_model(ADDRESS)[1].recipe.name == SMALL
    assert len(pushed.requests) == asked
    with pytest.raises(HubError, match=r"unet has not been downloaded before, and the Hub cannot be reached"):
        load_model(f"hf://{NAME}/unet")


def test_the_weights_are_downloaded_once_and_of_the_commit_of_the_record(pushed):
    for _ in range(2):
        config, weights = download(ADDRESS)
    assert config.parent == weights.parent
    assert pushed.requests.count(f"GET /{NAME}/resolve/{COMMIT}/{SMALL}/model.safetensors") == 1


def test_weights_that_were_changed_are_refused(pushed):
    _, weights = download(ADDRESS)
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.resolve().write_bytes(content)
    with pytest.raises(CheckpointError, match="the weights of hf://me/zoo/conv-8 are damaged"):
        load_model(ADDRESS)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"recipe": {"name": "a"}}'])
def test_a_record_that_cannot_be_read_is_a_sentence(pushed, content):
    download(ADDRESS)[0].resolve().write_text(content)
    with pytest.raises(CheckpointError, match="hf://me/zoo/conv-8 cannot be read"):
        load_model(ADDRESS)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("hf://me", "has not the form hf://USER/NAME/MODEL"),
        ("hf://me/zoo", "has not the form"),
        ("hf://me/zoo/../unet", "has not the form"),
        ("hf://me/zoo/tv", "me/zoo has no tv/config.json"),
        ("hf://me/zoo@old/conv-8", "me/zoo has no revision old"),
        ("hf://-me/zoo/conv-8", "is not the name of a repository"),
    ],
)
def test_what_is_not_there_is_a_sentence(pushed, address, says):
    with pytest.raises(HubError, match=says) as error:
        load_model(address)
    assert "\n" not in str(error.value)


def test_a_repository_that_is_not_there_is_a_sentence(near):
    with pytest.raises(HubError, match="there is no repository me/zoo on the Hub; if it is private, `hf auth login`"):
        load_model(ADDRESS)


def test_the_commands_take_an_address(pushed, tiny_digits, tmp_path, capsys):
    from PIL import Image

    Image.fromarray(tiny_digits.images[0, 0].numpy()).save(tmp_path / "in.png")
    files = [str(tmp_path / name) for name in ("in.png", "out.png")]
    assert cli.main(["denoise", *files, "--model", ADDRESS, "--device", "cpu"]) == 0
    assert f"by {ADDRESS}" in capsys.readouterr().out


# ---------- the card ----------


def front_matter(card: str) -> tuple[dict, str]:
    head, text = re.fullmatch(r"---\n(.*?)\n---\n(.*)", card, re.DOTALL).groups()
    return yaml.safe_load(head), text


@pytest.fixture
def card(pushed):
    return front_matter(arrived(pushed)["README.md"].decode())


def test_the_card_has_the_figures_as_the_hub_reads_them(card):
    from huggingface_hub.repocard_data import model_index_to_eval_results

    about, text = card
    assert (about["license"], about["pipeline_tag"], about["datasets"]) == ("mit", "image-to-image", ["ylecun/mnist"])
    name, results = model_index_to_eval_results(about["model-index"])
    assert name == SMALL
    stored = json.loads((current.checkpoints / "evaluation.json").read_text(encoding="utf-8"))["results"]
    (row,) = (r for r in stored if (r["model"], r["noise"], r["noise_factor"]) == (SMALL, "gaussian", 0.5))
    found = {r.metric_type: r.metric_value for r in results if r.dataset_config == "gaussian-0.5"}
    assert found == pytest.approx({key: row[key] for key in ("psnr", "ssim", "accuracy")}, abs=1e-4)
    assert f"| Gaussian | 0.5 | {row['psnr']:.2f} |" in text


def test_the_card_says_source_data_limits_licence_and_use(card):
    _, record = load_checkpoint(SMALL)
    text = card[1]
    for words in (record.recipe.source.title, record.data, record.sha256, "4,385", "## Limits", "## Licence", "MIT"):
        assert words in text
    assert f'load_model("{ADDRESS}")' in text


def test_models_that_are_there_already_stay_in_the_card(pushed, capsys):
    assert cli.main(["push", NAME, "dense-32"]) == 0
    about, text = front_matter(arrived(pushed)["README.md"].decode())
    assert [entry["name"] for entry in about["model-index"]] == [SMALL, "dense-32"]
    assert text.index(f"## {SMALL}") < text.index("## dense-32")
    assert arrived(pushed)[f"{SMALL}/model.safetensors"]


def test_a_configuration_that_is_none_of_ours_is_left_out_of_the_card(pushed):
    content = base64.b64encode(b'{"model_type": "bert"}').decode()
    pushed.commits.append([{"key": "file", "value": {"path": "bert/config.json", "content": content}}])
    pushed.there.append("bert/config.json")
    assert cli.main(["push", NAME, "dense-32"]) == 0
    about, _ = front_matter(arrived(pushed)["README.md"].decode())
    assert [entry["name"] for entry in about["model-index"]] == [SMALL, "dense-32"]


def test_figures_of_other_weights_are_not_in_the_card(tmp_path, configure):
    for name in (f"{SMALL}.json", f"{SMALL}.safetensors"):
        (tmp_path / name).write_bytes((current.checkpoints / name).read_bytes())
    stored = json.loads((current.checkpoints / "evaluation.json").read_text(encoding="utf-8"))
    stored["models"][SMALL]["sha256"] = "0" * 64
    (tmp_path / "evaluation.json").write_text(json.dumps(stored))
    about, text = front_matter(with_card(model_files([SMALL], tmp_path), NAME)["README.md"].decode())
    assert "model-index" not in about
    assert "No figures were measured with these weights" in text


def test_every_trained_model_can_be_in_a_card():
    names = checkpoint.trained()
    about, text = front_matter(with_card(model_files(names), NAME)["README.md"].decode())
    assert [name for name in names if f"\n## {name}\n" not in text] == []
    assert {entry["name"] for entry in about["model-index"]} >= {"unet", "conv-64"}


# ---------- the command ----------


def test_to_a_folder_writes_what_would_be_pushed(tmp_path, capsys):
    folder = tmp_path / "repository"
    assert cli.main(["push", NAME, SMALL, "--to", str(folder)]) == 0
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written == {"README.md", f"{SMALL}/config.json", f"{SMALL}/model.safetensors"}
    assert cli.main(["push", NAME, SMALL, "--to", str(folder)]) == 2
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["zoo", SMALL], "'zoo' has not the form USER/NAME"),
        ([NAME, "nope"], "there is no trained model 'nope'"),
        ([NAME, "tv"], "there is no trained model 'tv'"),
    ],
)
def test_what_cannot_be_pushed_is_one_line(near, arguments, says, capsys):
    assert cli.main(["push", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not near.created


def test_without_a_token_it_says_how_to_get_one(capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    assert cli.main(["push", NAME, SMALL]) == 2
    assert "hf auth login" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("refusal", "says"), [((403, "Forbidden"), "the token may not write there"), ("gone", "cannot be reached")]
)
def test_what_the_hub_refuses_is_a_sentence(near, refusal, says, capsys):
    near.refusal = refusal
    if refusal == "gone":
        near.shutdown()
        near.server_close()
    assert cli.main(["push", NAME, SMALL]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
