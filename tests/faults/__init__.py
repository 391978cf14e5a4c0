"""Faults of the machine: damaged files, full disks, signals, threads, forks, little memory. See `__main__.py`."""
