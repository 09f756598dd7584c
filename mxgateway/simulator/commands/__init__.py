"""The commands of a session: one handler per kind, and what runs them in order."""

from mxgateway.simulator.commands.run import run
from mxgateway.simulator.commands.table import COMMANDS, Command, payload_field, select

__all__ = ["COMMANDS", "Command", "payload_field", "run", "select"]
