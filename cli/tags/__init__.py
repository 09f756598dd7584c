"""The commands for people: what they do with tags, the galaxy and alarms, by name."""
