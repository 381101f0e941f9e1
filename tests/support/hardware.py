"""One CPU, float32: what the tests of the loop and of the loader run on."""

from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from fmagc.devices.device import Hardware

CPU = Hardware(
    Fabric(accelerator="cpu", devices=1, plugins=[LightningEnvironment()]), precision="float32", reason="test", seed=0
)
