"""The define-by-run face."""
