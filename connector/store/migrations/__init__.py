"""The history of the tables, one change each, run by `connector.store.migrate`.

Revisions are numbered in order, and a file is called `NUMBER_ORDER_what.py`: "pre" may run while the release before still works
on the database, "post" only when no older release does. A test compares models and migrations. No other room looks in here.
"""
