"""The index that exams are searched by, and the order that they are listed in: kept by the database itself (ADR 20).

The index has one row an exam. Triggers write it in the transaction of whatever changes an exam, from whichever
program, so that it cannot drift. PostgreSQL: a ``tsvector`` of words marked with their field under GIN, the numbers
under trigrams for parts of them, and the time, in whose order the newest are looked at one after the other. SQLite: an
FTS5 table. Triggers, views and functions are made after every migration and taken away before those of the tables they
read, because such a table cannot be made anew. Whoever changes the definition adds a migration here.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ris_core.exam_search import urgency
from ris_core.exam_search.source import WATCHED, Field, source
from ris_core.exam_search.triggers import triggers
from ris_core.exam_search.words import LONGEST_WORD, SEPARATORS

MOST_CHARACTERS: Final = 200_000
"""So much of one field is indexed."""

_COLUMNS: Final = ", ".join(Field)
_TABLES: Final = frozenset(watched.table for watched in WATCHED + urgency.WATCHED)

_REFRESHED: Final = {
    "postgresql": "PERFORM exam_search_refresh(ARRAY({exams}));",
    "sqlite": f"DELETE FROM exam_search WHERE rowid IN ({{exams}}); INSERT INTO exam_search (rowid, {_COLUMNS}) "
    f"SELECT procedure_id, {_COLUMNS} FROM exam_search_present WHERE procedure_id IN ({{exams}});",
}
"""Indexes exams anew."""

_POSTGRESQL_TABLE: Final = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TABLE IF NOT EXISTS exam_search (
    procedure_id bigint PRIMARY KEY, words tsvector NOT NULL, numbers text NOT NULL
);
ALTER TABLE exam_search ADD COLUMN IF NOT EXISTS scheduled_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE exam_search ALTER COLUMN words SET STATISTICS 1000;
CREATE INDEX IF NOT EXISTS exam_search_words ON exam_search USING gin (words) WITH (gin_pending_list_limit = 512);
CREATE INDEX IF NOT EXISTS exam_search_numbers ON exam_search
    USING gin (numbers gin_trgm_ops) WITH (gin_pending_list_limit = 512);
CREATE INDEX IF NOT EXISTS exam_search_by_time ON exam_search (scheduled_at, procedure_id);
"""
_SQLITE_TABLE: Final = f"""
CREATE VIRTUAL TABLE IF NOT EXISTS exam_search
    USING fts5({_COLUMNS}, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')
"""

_POSTGRESQL_FUNCTIONS: Final = rf"""
CREATE OR REPLACE FUNCTION exam_search_lexemes(field text, content text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT COALESCE(array_agg(DISTINCT field || ':' || left(word, {LONGEST_WORD})), '{{}}')
    FROM regexp_split_to_table(
        lower(translate(
            regexp_replace(normalize(left(content, {MOST_CHARACTERS}), NFD), '[\u0300-\u036f]', '', 'g'), 'đĐ', 'dD')),
        '{SEPARATORS}') AS word
    WHERE word <> ''
$$;
CREATE OR REPLACE VIEW exam_search_source AS {source("postgresql")};
CREATE OR REPLACE VIEW exam_search_present AS
SELECT procedure_id, scheduled_at,
    lower(regexp_replace(numbers, '~sealed\.[a-p]+\.[a-p]+', '', 'g')) AS numbers, array_to_tsvector(
    {" || ".join(f"exam_search_lexemes('{field.value}', {field.value})" for field in Field)}) AS words
FROM exam_search_source;
CREATE OR REPLACE FUNCTION exam_search_refresh(exams bigint[]) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    -- planned once, as planning took longer than all else; by keys, also while the tables are small and will grow
    IF cardinality(exams) = 0 THEN RETURN; END IF;
    -- whoever comes second waits here, and then reads what the first has committed
    PERFORM 1 FROM exam_search WHERE procedure_id = ANY(exams) ORDER BY procedure_id FOR UPDATE;
    INSERT INTO exam_search AS kept (procedure_id, scheduled_at, words, numbers)
    SELECT procedure_id, scheduled_at, words, numbers FROM exam_search_present WHERE procedure_id = ANY(exams)
    ON CONFLICT (procedure_id) DO UPDATE
    SET scheduled_at = EXCLUDED.scheduled_at, words = EXCLUDED.words, numbers = EXCLUDED.numbers
    WHERE kept.scheduled_at <> EXCLUDED.scheduled_at OR kept.words <> EXCLUDED.words
    OR kept.numbers <> EXCLUDED.numbers;
END $$;
CREATE OR REPLACE FUNCTION exam_search_exam_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN TRUNCATE exam_search; ELSE DELETE FROM exam_search WHERE procedure_id = OLD.id; END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION exam_search_exam_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE exam_search SET scheduled_at = NEW.scheduled_at WHERE procedure_id = NEW.id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER exam_search_moved AFTER UPDATE OF scheduled_at ON orders_requestedprocedure
    FOR EACH ROW WHEN (OLD.scheduled_at <> NEW.scheduled_at) EXECUTE FUNCTION exam_search_exam_moved();
CREATE OR REPLACE TRIGGER exam_search_deleted AFTER DELETE ON orders_requestedprocedure
    FOR EACH ROW EXECUTE FUNCTION exam_search_exam_gone();
CREATE OR REPLACE TRIGGER exam_search_emptied AFTER TRUNCATE ON orders_requestedprocedure
    FOR EACH STATEMENT EXECUTE FUNCTION exam_search_exam_gone();
"""
_SQLITE_VIEWS: Final = (
    f"CREATE VIEW IF NOT EXISTS exam_search_source AS {source('sqlite')}",
    # the tokenizer knows no đ
    "CREATE VIEW IF NOT EXISTS exam_search_present AS SELECT procedure_id, "
    + ", ".join(
        f"replace(replace(substr({field.value}, 1, {MOST_CHARACTERS}), 'đ', 'd'), 'Đ', 'd') AS {field.value}"
        for field in Field
    )
    + " FROM exam_search_source",
    "CREATE TRIGGER IF NOT EXISTS exam_search_deleted AFTER DELETE ON orders_requestedprocedure "
    "BEGIN DELETE FROM exam_search WHERE rowid = OLD.id; END",
)


def make_tables(connection: BaseDatabaseWrapper) -> None:
    """The index itself, empty; for the app's migration."""
    with connection.cursor() as cursor:
        cursor.execute(_POSTGRESQL_TABLE if connection.vendor == "postgresql" else _SQLITE_TABLE)


def before_migrations(using: str = "default", plan: Any = (), **_signal: Any) -> None:
    """Take triggers and views away when a table they read may be made anew; for Django's ``pre_migrate``."""
    connection = connections[using]
    apps = {migration.app_label for migration, _backwards in plan}
    concerned = any(table.startswith(f"{app}_") for app in apps for table in _TABLES)
    if not (concerned or "exam_search" in apps) or not _kept(connection):
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("DROP VIEW IF EXISTS exam_search_source, exam_search_urgency CASCADE")
            cursor.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'exam\\_search\\_%'")
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP FUNCTION IF EXISTS "{name}" CASCADE')
            return
        cursor.execute("SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view')")
        for kind, name in cursor.fetchall():
            if name.startswith("exam_search_"):
                cursor.execute(f'DROP {kind} IF EXISTS "{name}"')


def after_migrations(using: str = "default", **_signal: Any) -> None:
    """Make triggers and views if they are not there, and then the index anew; for Django's ``post_migrate``.

    All in one transaction: when it is interrupted, the next start finds no triggers and does it again.
    """
    connection = connections[using]
    present = set(connection.introspection.table_names())
    if "exam_search" not in present or not present >= _TABLES or _kept(connection):
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRESQL_FUNCTIONS)
        else:
            for statement in _SQLITE_VIEWS:
                cursor.execute(statement)
        for watched in WATCHED:
            for statement in triggers(watched, connection.vendor, "exam_search", _REFRESHED[connection.vendor]):
                cursor.execute(statement)
        for statement in urgency.statements(connection.vendor):
            cursor.execute(statement)
        rebuild(using)


def _kept(connection: BaseDatabaseWrapper) -> bool:
    """Whether the triggers are there."""
    catalogue = "pg_trigger WHERE tgname" if connection.vendor == "postgresql" else "sqlite_master WHERE name"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {catalogue} = 'exam_search_deleted'")
        return bool(cursor.fetchone()[0])


def rebuild(using: str = "default") -> None:
    """Index every exam anew and put it where it belongs in the list, in one transaction.

    After an upgrade, or when rows were written without triggers.
    """
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute(urgency.REFRESHED)
            cursor.execute("LOCK TABLE exam_search IN EXCLUSIVE MODE")
            cursor.execute("DELETE FROM exam_search")
            cursor.execute(
                "INSERT INTO exam_search (procedure_id, scheduled_at, words, numbers) "
                "SELECT procedure_id, scheduled_at, words, numbers FROM exam_search_present ORDER BY scheduled_at"
            )
            return
        cursor.execute(urgency.REFRESHED)
        cursor.execute("DELETE FROM exam_search")
        cursor.execute(
            f"INSERT INTO exam_search (rowid, {_COLUMNS}) SELECT procedure_id, {_COLUMNS} FROM exam_search_present"
        )


def drifted(using: str = "default") -> list[int]:
    """Exams of which the index says something else than the tables; there are none, unless triggers were bypassed."""
    columns = ("scheduled_at", "words", "numbers") if connections[using].vendor == "postgresql" else tuple(Field)
    key = "procedure_id" if connections[using].vendor == "postgresql" else "rowid"
    unlike = " OR ".join(f"kept.{column} <> present.{column}" for column in columns)
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT present.procedure_id FROM exam_search_present present "
            f"LEFT JOIN exam_search kept ON kept.{key} = present.procedure_id WHERE kept.{key} IS NULL OR {unlike} "
            f"UNION SELECT kept.{key} FROM exam_search kept "
            f"WHERE NOT EXISTS (SELECT 1 FROM orders_requestedprocedure p WHERE p.id = kept.{key}) "
            "UNION SELECT orders_requestedprocedure.id FROM orders_requestedprocedure "
            f"JOIN exam_search_urgency u ON u.procedure_id = orders_requestedprocedure.id WHERE {urgency.DRIFTED}"
        )
        return [key for (key,) in cursor.fetchall()]
