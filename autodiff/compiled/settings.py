"""The settings as users see them, `ad.config`: the compiler's, and what belongs to capture."""

from autodiff.capture.excluded import exclude
from codegen.config import config

__all__ = ["config"]

config.exclude = exclude
