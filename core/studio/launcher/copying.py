"""Copies all that Label Studio keeps into another database, row by row, as it is.

`python FOLDER migrate` makes Label Studio's tables in the database of its settings. `python FOLDER
copy` then copies the rows of that database into the one that `TARGET` describes: all or none, with
their numbers, and then reads both to see whether they are equal. Each line that it prints on
standard output is a JSON object: how far it is, and at last what it found.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
from types import ModuleType
from typing import Any

COMMANDS = ("migrate", "copy")
# The settings of the other database, as Django takes them, in JSON.
TARGET = "LABELPILOT_TARGET"
ROWS = 1000
_GENERATED = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = %s AND is_generated = 'ALWAYS'
"""


def main(server: ModuleType, command: str) -> None:
    """Do what `command` says with Label Studio's database."""
    server._setup_env()
    if command == "migrate":
        server._apply_database_migrations()
        return
    _connect_target()
    _copy()


def _connect_target() -> None:
    from django.db import connections

    described = {"target": json.loads(os.environ[TARGET])}
    default = {"default": connections.databases["default"]}
    connections.databases["target"] = connections.configure_settings({**default, **described})[
        "target"
    ]


def _copy() -> None:
    from django.db import connections, transaction

    models = _models()
    if strange := _strange_tables(models):
        _tell(refused=f"Label Studio has rows in tables that are not known here: {strange}.")
        return
    total = sum(_rows(model, "default").count() for model in models)
    done = 0
    with transaction.atomic("target"):
        if any(_rows(model, "target").exists() for model in models if _holds_people(model)):
            _tell(refused="A Label Studio is in that database already.")
            return
        with connections["target"].cursor() as cursor:
            for model in models:
                # What migrations put there comes with the rows of the other database.
                cursor.execute(f'DELETE FROM "{model._meta.db_table}"')  # noqa: S608
        for model in models:
            done = _copy_rows(model, done, total)
        for model in models:
            _carry_numbers(model)
    # Deferred constraints were checked: what follows is a look at what is there.
    _tell(stage="compare", done=0, total=total)
    equal = all(_digest(model, "default") == _digest(model, "target") for model in models)
    counts = {model._meta.db_table: _rows(model, "target").count() for model in models}
    _tell(tasks=counts["task"], annotations=counts["task_completion"], rows=total, equal=equal)


def _models() -> list[Any]:
    """All whose rows are kept, also those that only join two others."""
    from django.apps import apps

    # Some are known only once the pages are.
    importlib.import_module("core.urls")
    every = apps.get_models(include_auto_created=True)
    return [one for one in every if one._meta.managed and not one._meta.proxy]


def _strange_tables(models: Any) -> str:
    """Tables with rows that none of the models has, but for the list of migrations."""
    from django.db import connections

    source = connections["default"]
    known = {model._meta.db_table for model in models} | {"django_migrations"}
    strange = []
    with source.cursor() as cursor:
        for table in source.introspection.table_names(cursor):
            if table not in known:
                cursor.execute(f'SELECT 1 FROM "{table}" LIMIT 1')  # noqa: S608
                strange += [table] if cursor.fetchone() else []
    return ", ".join(strange)


def _holds_people(model: Any) -> bool:
    from django.contrib.auth import get_user_model

    return bool(model is get_user_model())


def _rows(model: Any, alias: str) -> Any:
    from django.db.models import QuerySet

    # Not by the model's own managers, some of which leave rows out.
    return QuerySet(model, using=alias).order_by("pk")


def _fields(model: Any) -> list[Any]:
    """The columns that are kept. What PostgreSQL makes of others by itself is not."""
    from django.db import connections

    table, made = model._meta.db_table, set[str]()
    for alias in ("default", "target"):
        if connections[alias].vendor == "postgresql":
            with connections[alias].cursor() as cursor:
                cursor.execute(_GENERATED, [table])
                made.update(name for (name,) in cursor.fetchall())
    fields = model._meta.local_concrete_fields
    return [one for one in fields if one.column not in made]


def _copy_rows(model: Any, done: int, total: int) -> int:
    from django.db import connections

    fields = _fields(model)
    most = max(connections["target"].ops.bulk_batch_size(fields, [None] * ROWS), 1)
    batch: list[Any] = []
    for row in _rows(model, "default").iterator(ROWS):
        batch.append(row)
        if len(batch) >= min(most, ROWS):
            done = _insert(model, fields, batch, done, total)
            batch = []
    return _insert(model, fields, batch, done, total) if batch else done


def _insert(model: Any, fields: Any, batch: list[Any], done: int, total: int) -> int:
    _rows(model, "target")._insert(batch, fields, raw=True, using="target")
    _tell(stage="copy", done=done + len(batch), total=total)
    return done + len(batch)


def _carry_numbers(model: Any) -> None:
    """No number that was ever given is given again: files are named by them."""
    from django.db import connections, models

    field, table = model._meta.pk, model._meta.db_table
    if not isinstance(field, models.AutoField):
        return
    last = _last_number(connections["default"], table, field.column)
    target = connections["target"]
    with target.cursor() as cursor:
        if target.vendor == "postgresql":
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, %s), %s, %s)",
                [f'"{table}"', field.column, max(last, 1), last > 0],
            )
        elif last:
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, last])


def _last_number(connection: Any, table: str, column: str) -> int:
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
            row = cursor.fetchone()
            return int(row[0]) if row else 0
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [f'"{table}"', column])
        (name,) = cursor.fetchone()
        cursor.execute(f"SELECT last_value, is_called FROM {name}")  # noqa: S608
        value, called = cursor.fetchone()
        return int(value) if called else 0


def _digest(model: Any, alias: str) -> str:
    """A hash of all rows, the same for the same values in whatever database."""
    names = [field.attname for field in _fields(model)]
    digest = hashlib.sha256()
    for row in _rows(model, alias).values_list(*names).iterator(ROWS):
        digest.update(json.dumps(row, default=str, sort_keys=True).encode())
    return digest.hexdigest()


def _tell(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()
