"""Functions of packages from PyPI, unedited: value and gradient of each against the plain call. The packages are the extra `packages`."""
