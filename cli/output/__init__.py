"""The one way to stdout: results, rows and streams as tables, JSON, JSON lines or CSV.

A command makes documents (plain JSON types) and says how people see them; which of
that is printed, and how, is decided here. `results.write_result` takes one document,
`rows.write_rows` a list that is complete, `rows.sink_for` rows as they come.
"""
