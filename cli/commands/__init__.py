"""The commands, one file per group. Importing one imports nothing heavy; its functions do."""
