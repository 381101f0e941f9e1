"""One CPU, float32: what the tests of the loop and of the loader run on."""

import torch

from fmagc.devices.device import Hardware
from fmagc.devices.process_group import ALL

CPU = Hardware(torch.device("cpu"), ALL, precision="float32", reason="test", seed=0)
