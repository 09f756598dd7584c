"""The command line of mxgateway: `mxgw-py`. The library never imports this package.

How to add a command:

1. Write it in a module of `commands`, decorated from top to bottom with
   `@click.command(name, epilog=examples(...))`, then `@gateway_command` (connection and
   output options), `@local_command` (output options) or `@people_command`, then its own
   options. Its first parameter is the `Invocation`. Import what is heavy inside the function.
2. Name it in `app.COMMANDS`, with its module and its heading in the help.
3. Talk to the gateway in `run_with_client(invocation, body)`; `body` gets the client. For a
   stream add `@bounds_options()` and leave the rest to `stream_to_end`.
4. Give what comes out to the output layer and print nothing: `write_result` for one document,
   `write_rows` with a `Shape` for a list. `environment.note` tells on stderr what is no result.
5. Raise errors of `mxgateway.errors` or `click.UsageError`; after rows of which some failed,
   return `tell_partial(...)`, or another function of `failures.py`.
6. Complete tags with `shell_complete=complete_tag`; browsing calls `completion.remember_tags`.
7. Run `python docs/cli/generate.py`, which renews `docs/cli/reference.md`; a test compares it
   with the help. Its JSON Schema comes from `docs/cli/schemas.py`; a command for scripts has a
   line in `tests/cli_lines.py`, by which every outcome of it is tested.
"""
