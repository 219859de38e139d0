"""Migrations: bring a database that an older medvox has made to the tables of this one.

There are three lineages of revisions: the index, the audit and the node's state. Each has a version table of
its own, so that all three can share one database. A revision is a module ``rNNNN_slug.py`` with `revision`,
`down_revision` and `upgrade()`, in the words of Alembic; `Lineage.head` names the last one.
"""
