"""Devices that tools are given, and models whose methods take and return tensors on the CPU."""

from functools import partial
from typing import Any

import pytest
import torch

import genlab
from genlab import devices
from genlab.models import StageSchedule
from genlab.networks.corruption import GaussianNoise
from genlab.networks.stack import DenseLayer


@pytest.mark.parametrize(
    ("name", "there", "expected"),
    [
        (None, None, "cpu"),
        (None, ("cuda", 2), "cuda"),
        (None, ("mps", 1), "mps"),
        ("cpu", ("cuda", 2), "cpu"),
        ("cuda:1", ("cuda", 2), "cuda:1"),
        ("cuda:2", ("cuda", 2), "there is no device cuda:2; this machine has cpu, cuda:0, cuda:1"),
        ("cuda", None, "there is no device cuda; this machine has cpu"),
        ("mps", ("cuda", 1), "there is no device mps; this machine has cpu, cuda:0"),
        ("gpu", ("cuda", 1), "there is no device gpu; this machine has cpu, cuda:0"),
        ("meta", None, "there is no device meta; this machine has cpu"),
    ],
)
def test_the_device_is_the_accelerator_or_the_one_asked_for(name, there, expected, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: there is not None)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: there and torch.device(there[0]))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: there[1] if there else 0)
    try:
        found = str(devices.device_of(name))
    except genlab.GenlabError as error:
        found = str(error)
    assert found == expected


def test_a_device_that_is_not_there_is_said_before_any_file_is_opened(refused):
    told = refused("sample", "--device", "cuda:7", "--ckpt", "nowhere.ckpt")
    assert "there is no device cuda:7" in told


MODELS = {
    "autoencoder": lambda: genlab.Autoencoder((1, 8, 8), corruption=partial(GaussianNoise, sigma=0.1)),
    "stacked": lambda: genlab.models.StackedAutoencoder(
        (1, 8, 8), layers=[partial(DenseLayer, size=9)], pretraining=[StageSchedule(1)]
    ),
    "vae": lambda: genlab.VAE((1, 8, 8), code_size=2),
    "gan": lambda: genlab.GAN((1, 8, 8), code_size=2),
    "stylegan": lambda: genlab.StyleGAN((1, 8, 8), code_size=2),
    "cvae": lambda: genlab.CVAE((1, 8, 8), num_classes=3),
    "cgan": lambda: genlab.CGAN((1, 8, 8), num_classes=3),
    "pix2pix": lambda: genlab.Pix2Pix((1, 8, 8), (1, 8, 8), ema_decay=0.9),
    "cyclegan": lambda: genlab.models.CycleGAN((1, 8, 8), (1, 8, 8)),
}


@pytest.mark.parametrize("name", MODELS)
def test_methods_work_on_the_models_device_and_take_and_give_tensors_on_the_cpu(name, monkeypatch):
    """On the meta device, for want of an accelerator: its tensors have no values, but refuse those of other devices."""
    places = []

    def move(tensors, device):
        if str(device) == "cpu":
            places.append(str(tensors.device))
            return torch.zeros(tensors.shape)
        return devices_move(tensors, device)

    devices_move = devices.move_data_to_device
    monkeypatch.setattr(devices, "move_data_to_device", move)
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *given: False)  # it does not support the meta device
    model: Any = devices.moved(MODELS[name]().eval(), torch.device("meta"))
    assert {str(x.device) for x in (*model.parameters(), *model.buffers())} == {"meta"}
    x, z, noise = torch.rand(2, 1, 8, 8), torch.randn(2, *getattr(model, "code_shape", ())), torch.Generator()
    able = [model] if not hasattr(model, "given") else [model, model.given(torch.tensor([1]))]
    arguments = {
        "encode": (x,),
        "decode": (z,),
        "reconstruct": (x,),
        "log_likelihood": (x, 3, noise),
        "sample": (2,),
        "translate": (x,),
        "styles": (z,),
        "synthesize": (torch.zeros(2, *(getattr(model, name, 0) for name in ("num_layers", "style_size"))),),
    }
    for one in able:
        for method, given in arguments.items():
            if hasattr(one, method):
                options = {"generator": noise} if method in ("sample", "translate") else {}
                assert getattr(one, method)(*given, **options).device == torch.device("cpu")
    assert "meta" in places
