"""The databases of the cases: one builder for each content, as its public bug report has it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

Many = Callable[[str, Iterable[Any]], None]
PAGE = 4096


@contextmanager
def _made(path: Path, *, wal: bool = False) -> Iterator[tuple[sqlite3.Connection, Many]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        if wal:
            db.execute("PRAGMA journal_mode=WAL")

        def many(sql: str, rows: Iterable[Any]) -> None:
            db.execute("BEGIN")
            db.executemany(sql, rows)
            db.execute("COMMIT")

        yield db, many


def shop(path: Path) -> None:
    """Make 5,000 customers with 60,000 orders."""
    rng = Random(7)
    with _made(path) as (db, many):
        db.execute("CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT, city TEXT)")
        db.execute(
            "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INT REFERENCES customer(id), "
            "total REAL, placed_at INT, note TEXT)"
        )
        many(
            "INSERT INTO customer(name,city) VALUES(?,?)",
            ((f"c{i}", f"city {i % 50}") for i in range(5000)),
        )
        many(
            "INSERT INTO orders(customer_id,total,placed_at,note) VALUES(?,?,?,?)",
            (
                (
                    rng.randrange(1, 5001),
                    rng.random() * 100,
                    1600000000 + rng.randrange(10**7),
                    "n" * 40,
                )
                for i in range(60000)
            ),
        )


def shop_with_status(path: Path, *, wal: bool = False) -> None:
    """Make the same, where one order in fifty is open."""
    rng = Random(7)
    with _made(path, wal=wal) as (db, many):
        db.execute("CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT, city TEXT)")
        db.execute(
            "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INT REFERENCES customer(id), "
            "total REAL, placed_at INT, status TEXT, note TEXT)"
        )
        many(
            "INSERT INTO customer(name,city) VALUES(?,?)",
            ((f"c{i}", f"city {i % 50}") for i in range(5000)),
        )
        many(
            "INSERT INTO orders(customer_id,total,placed_at,status,note) VALUES(?,?,?,?,?)",
            (
                (
                    rng.randrange(1, 5001),
                    rng.random() * 100,
                    1600000000 + rng.randrange(10**7),
                    "open" if i % 50 == 0 else "done",
                    "n" * 40,
                )
                for i in range(60000)
            ),
        )


def shop_in_wal(path: Path) -> None:
    """Make the shop with its write-ahead log switched on."""
    shop_with_status(path, wal=True)


def damaged(path: Path) -> None:
    """Make the shop and overwrite the head of every third page from the 40th."""
    shop_with_status(path)
    rng = Random(7)
    for _ in range(60000):
        rng.randrange(1, 5001), rng.random(), rng.randrange(10**7)
    content = bytearray(path.read_bytes())
    for page in range(40, len(content) // PAGE, 3):
        content[page * PAGE : page * PAGE + 64] = rng.randbytes(64)
    path.write_bytes(content)


def with_archive(path: Path) -> None:
    """Make the shop, and an empty archive beside it."""
    shop_with_status(path)
    with closing(sqlite3.connect(path.with_name("archive.db"))) as archive:
        archive.execute("CREATE TABLE old(id INT, total REAL)")
        archive.commit()


def songs(path: Path) -> None:
    """Make 200,000 songs, of which one in 500 is missing."""
    rng = Random(7)
    with _made(path) as (db, many):
        db.execute(
            "CREATE TABLE song(id INTEGER PRIMARY KEY, title TEXT NOT NULL, missing INT NOT NULL, "
            "added_at INT NOT NULL, tags TEXT)"
        )
        many(
            "INSERT INTO song(title,missing,added_at,tags) VALUES(?,?,?,?)",
            (
                (
                    f"song {i}",
                    1 if i % 500 == 0 else 0,
                    1600000000 + rng.randrange(10**8),
                    "x" * 120,
                )
                for i in range(200000)
            ),
        )
        db.execute("CREATE INDEX song_added ON song(added_at)")


def images(path: Path) -> None:
    """Make 100,000 images, 60,000 of them on 200 boards."""
    rng = Random(7)
    with _made(path) as (db, many):
        db.execute(
            "CREATE TABLE image(image_name TEXT PRIMARY KEY, category TEXT, intermediate INT, "
            "created_at TEXT, meta TEXT)"
        )
        db.execute(
            "CREATE TABLE board_image(board_id TEXT, image_name TEXT PRIMARY KEY, created_at TEXT)"
        )
        names = [f"{i:07d}-{rng.randrange(10**9)}.png" for i in range(100000)]
        many(
            "INSERT INTO image VALUES(?,?,?,?,?)",
            (
                (
                    name,
                    "general" if rng.random() < 0.9 else "mask",
                    0,
                    f"2025-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d} {i:06d}",
                    "m" * 200,
                )
                for i, name in enumerate(names)
            ),
        )
        many(
            "INSERT INTO board_image VALUES(?,?,?)",
            ((f"b{i % 200}", name, f"{i:08d}") for i, name in enumerate(names[:60000])),
        )
        db.execute("CREATE INDEX board_image_board ON board_image(board_id, created_at)")


def messages(path: Path) -> None:
    """Make 200,000 messages of one source, without statistics."""
    rng = Random(7)
    with _made(path) as (db, many):
        db.execute(
            "CREATE TABLE message(id INTEGER PRIMARY KEY, source_id INT NOT NULL, kind TEXT, "
            "ext_id TEXT NOT NULL, sent_at INT, body TEXT)"
        )
        many(
            "INSERT INTO message(source_id,kind,ext_id,sent_at,body) VALUES(?,?,?,?,?)",
            (
                (1, "mail", f"<{rng.randrange(10**12)}.{i}@mail>", 1600000000 + i, "b" * 100)
                for i in range(200000)
            ),
        )
        db.execute("CREATE INDEX message_source ON message(source_id, kind)")
        db.execute("CREATE INDEX message_ext ON message(ext_id)")


def authors(path: Path) -> None:
    """Make 5,000 users with 50,000 posts that go with their author."""
    rng = Random(7)
    with _made(path) as (db, many):
        db.execute(
            'CREATE TABLE "User"("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, '
            '"email" TEXT NOT NULL, "name" TEXT)'
        )
        db.execute('CREATE UNIQUE INDEX "User_email_key" ON "User"("email")')
        db.execute(
            'CREATE TABLE "Post"("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, '
            '"title" TEXT NOT NULL, "authorId" INTEGER NOT NULL, CONSTRAINT "Post_authorId_fkey" '
            'FOREIGN KEY("authorId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE)'
        )
        db.execute('CREATE INDEX "Post_authorId" ON "Post"("authorId")')
        many(
            'INSERT INTO "User"("email","name") VALUES(?,?)',
            ((f"user{i}@example.com", f"n{i}") for i in range(5000)),
        )
        many(
            'INSERT INTO "Post"("title","authorId") VALUES(?,?)',
            ((f"post {i}", rng.randrange(1, 5001)) for i in range(50000)),
        )


def jobs(path: Path) -> None:
    """Make jobs whose newest 12,224 were deleted, and a trigger that clears their progress."""
    with _made(path) as (db, many):
        db.execute(
            "CREATE TABLE job(id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, name TEXT)"
        )
        db.execute("CREATE TABLE progress(job_id INTEGER PRIMARY KEY, pct INT)")
        many("INSERT INTO job(state,name) VALUES(?,?)", (("RUN", f"job {i}") for i in range(20000)))
        many("INSERT INTO progress VALUES(?,?)", ((i, i % 100) for i in range(1, 20001)))
        db.execute("DELETE FROM job WHERE id > 7776")
        db.execute(
            "CREATE TRIGGER job_reset AFTER UPDATE OF state ON job WHEN new.state='PENDING' "
            "BEGIN DELETE FROM progress WHERE job_id = new.id; END"
        )


def documents(path: Path) -> None:
    """Make 3,000 documents in a full-text index."""
    with _made(path) as (db, many):
        db.execute("CREATE VIRTUAL TABLE doc USING fts5(body)")
        many(
            "INSERT INTO doc(body) VALUES(?)",
            ((f"word{i % 50} text number {i}",) for i in range(3000)),
        )


def points(path: Path) -> None:
    """Make 60,000 points in a plane."""
    rng = Random(7)
    with _made(path) as (db, many):
        db.execute("CREATE TABLE node(id INTEGER PRIMARY KEY, x REAL, y REAL, name TEXT)")
        many(
            "INSERT INTO node(x,y,name) VALUES(?,?,?)",
            ((rng.random() * 1000, rng.random() * 1000, f"n{i}") for i in range(60000)),
        )
        db.execute("CREATE INDEX node_xy ON node(x,y)")


def actors(path: Path) -> None:
    """Make 40,000 names, two of each that differ by case."""
    with _made(path) as (db, many):
        db.execute("CREATE TABLE actor(id INTEGER PRIMARY KEY, name TEXT)")
        many(
            "INSERT INTO actor(name) VALUES(?)",
            ((f"Name{i // 2}" if i % 2 else f"NAME{i // 2}",) for i in range(40000)),
        )
        db.execute("CREATE INDEX actor_name ON actor(name)")


def notes(path: Path) -> None:
    """Make 40,000 notes of 20 topics, of which 50 share each time."""
    rng = Random(7)
    with _made(path) as (db, many):
        db.execute(
            "CREATE TABLE note(id INTEGER PRIMARY KEY, topic INT, created_at INT, body TEXT)"
        )
        many(
            "INSERT INTO note(topic,created_at,body) VALUES(?,?,?)",
            ((rng.randrange(20), 1600000000 + i // 50, "b" * 60) for i in range(40000)),
        )


def channels(path: Path) -> None:
    """Make 20,000 channels whose names have a collation that only the application knows."""
    with _made(path) as (db, many):
        db.create_collation(
            "LOCALIZED", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower())
        )
        db.execute(
            "CREATE TABLE channel(id INTEGER PRIMARY KEY, name TEXT COLLATE LOCALIZED UNIQUE, "
            "country TEXT)"
        )
        many(
            "INSERT INTO channel(name,country) VALUES(?,?)",
            ((f"ch {i}", f"c{i % 300}") for i in range(20000)),
        )


def odd_names(path: Path) -> None:
    """Make 50,000 rows in a table whose names need quoting."""
    with _made(path) as (db, many):
        db.execute(
            'CREATE TABLE "Order Items"("Größe" TEXT, "select" INT, [unit price] REAL, '
            '`日本` TEXT, "a""b" INT)'
        )
        many(
            'INSERT INTO "Order Items" VALUES(?,?,?,?,?)',
            ((f"g{i % 100}", i, i * 0.5, f"名{i % 700}", i % 900) for i in range(50000)),
        )


def history(path: Path) -> None:
    """Make 40,000 commands of 400 sessions, whose keys are 16 bytes each."""
    rng = Random(7)
    with _made(path) as (db, many):
        db.execute("CREATE TABLE hist(id BLOB PRIMARY KEY, session BLOB, cmd TEXT)")
        sessions = [rng.randbytes(16) for _ in range(400)]
        many(
            "INSERT INTO hist VALUES(?,?,?)",
            ((rng.randbytes(16), rng.choice(sessions), f"cmd {i}") for i in range(40000)),
        )


def pages(path: Path) -> None:
    """Make 30,000 pages, of which each 50th has a title that is not UTF-8."""
    with _made(path) as (db, many):
        db.execute("CREATE TABLE page(id INTEGER PRIMARY KEY, title TEXT, kind INT)")
        many("INSERT INTO page(title,kind) VALUES(?,?)", ((f"t{i}", i % 300) for i in range(30000)))
        db.execute("UPDATE page SET title = CAST(x'496e7465726469e9' AS TEXT) WHERE id % 50 = 0")


def tree(path: Path) -> None:
    """Make 12,000 nodes of a tree."""
    rng = Random(7)
    with _made(path) as (db, many):
        db.execute("CREATE TABLE node(id INTEGER PRIMARY KEY, parent INT, name TEXT)")
        many(
            "INSERT INTO node(parent,name) VALUES(?,?)",
            ((rng.randrange(1, 12001), f"n{i}") for i in range(12000)),
        )
        db.execute("CREATE INDEX node_parent ON node(parent)")
