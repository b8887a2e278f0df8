"""Which version is running, as it was installed."""

from importlib.metadata import version

VERSION = version("qure")
