"""The output layer: JSON for programs, tables for people."""
