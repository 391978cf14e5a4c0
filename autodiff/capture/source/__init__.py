"""The text of the user's functions, and how it is rewritten."""
