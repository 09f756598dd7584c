"""Settings: what can be set, where it was set, and the profiles that keep it."""
