"""Keeps SQL from somebody's file inside the database that it is given.

`guard` sets SQLite's authorizer on a connection: nothing that runs there can open, create or write
another file, load code, or change what holds for the whole process. It needs apsw and the standard
library only. Source: https://www.sqlite.org/c3ref/set_authorizer.html
"""

from __future__ import annotations

import apsw

_TELLING = """
    application_id collation_list compile_options data_version database_list encoding
    foreign_key_check foreign_key_list freelist_count function_list index_info index_list
    index_xinfo integrity_check module_list page_count page_size pragma_list quick_check
    schema_version table_info table_list table_xinfo user_version
"""
# What migrations need, and what touches this connection or this file only. writable_schema is
# SQLite's own way to change a constraint (https://www.sqlite.org/lang_altertable.html).
_SETTING = """
    analysis_limit auto_vacuum automatic_index busy_timeout cache_size cache_spill
    case_sensitive_like cell_size_check checkpoint_fullfsync count_changes default_cache_size
    defer_foreign_keys empty_result_callbacks foreign_keys full_column_names fullfsync
    ignore_check_constraints incremental_vacuum journal_mode journal_size_limit
    legacy_alter_table legacy_file_format locking_mode max_page_count mmap_size optimize
    read_uncommitted recursive_triggers reverse_unordered_selects secure_delete
    short_column_names shrink_memory synchronous temp_store threads trusted_schema
    wal_autocheckpoint wal_checkpoint writable_schema
"""
_READING_PRAGMAS = frozenset(_TELLING.split())
_WRITING_PRAGMAS = _READING_PRAGMAS | frozenset(_SETTING.split())
_FUNCTIONS = frozenset(("edit", "fts3_tokenizer", "load_extension", "readfile", "writefile"))


class Guard:
    """The authorizer of one connection; `refusal` names what it refused last, None at first."""

    def __init__(self, *, reading: bool) -> None:
        self._pragmas = _READING_PRAGMAS if reading else _WRITING_PRAGMAS
        self.refusal: str | None = None

    def __call__(
        self,
        action: int,
        first: str | None,
        second: str | None,
        _schema: str | None,
        _by: str | None,
    ) -> int:
        """Decide on one action of a statement that is being prepared."""
        refusal = self._reason(action, first, second)
        if refusal is None:
            return apsw.SQLITE_OK
        self.refusal = refusal
        return apsw.SQLITE_DENY

    def _reason(self, action: int, first: str | None, second: str | None) -> str | None:
        # VACUUM attaches a nameless file of its own, and VACUUM INTO the one it is told.
        if action == apsw.SQLITE_ATTACH and first != "":
            return "it attaches or writes another file (ATTACH or VACUUM INTO)"
        if action == apsw.SQLITE_DETACH:
            return "it detaches a database (DETACH)"
        if action == apsw.SQLITE_PRAGMA and (first or "").lower() not in self._pragmas:
            return f"PRAGMA {first} is not among those that concern this database alone"
        if action == apsw.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS:
            return f"it calls {second}()"
        return None


def guard(connection: apsw.Connection, *, reading: bool = False) -> Guard:
    """Hold what is prepared on a connection from now on to its own database.

    A refused statement raises apsw.AuthError. `reading` allows no PRAGMA that sets something.
    """
    made = Guard(reading=reading)
    connection.authorizer = made
    return made
