"""Do the tests notice faults? Faults are planted in a copy of the compiler, one after another, and the tests run: see `__main__.py`."""
