"""The peers of full-text search: SQLite's FTS5 and PostgreSQL's tsvector, on the same texts and questions.

Called as `peer.py sqlite|postgres TEXTS QUESTIONS`, both files JSON Lines. Any word of a question may match, the best
ten come with a marked snippet, ordered by bm25 or ts_rank_cd, and all matches are counted: what Inkstone does, as far
as they can. One line in is a round of all questions, one line out its mean in µs.
"""

import glob
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def words(question):
    return re.findall(r"[a-z0-9]+", question.lower())


def sqlite(texts):
    base = sqlite3.connect(":memory:")
    base.execute("CREATE VIRTUAL TABLE texts USING fts5(title, body, tokenize = 'porter unicode61')")
    base.executemany("INSERT INTO texts (title, body) VALUES (?, ?)", texts)
    base.execute("INSERT INTO texts (texts) VALUES ('optimize')")

    def ask(question):
        match = " OR ".join(f'"{word}"' for word in words(question))
        best = base.execute(
            "SELECT rowid, title, snippet(texts, 1, '<em>', '</em>', '…', 30) FROM texts WHERE texts MATCH ? "
            "ORDER BY bm25(texts, 3.0, 1.0) LIMIT 10",
            (match,),
        ).fetchall()
        total = base.execute("SELECT count(*) FROM texts WHERE texts MATCH ?", (match,)).fetchone()
        return best, total

    return ask


def postgres(texts):
    import psycopg

    folder = tempfile.mkdtemp()
    data = os.path.join(folder, "data")
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    # It refuses to run as root; Debian's package brings a user for it.
    other = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.getuid() == 0 else []
    if other:
        shutil.chown(folder, "postgres", "postgres")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(
        [*other, f"{programs}/initdb", "-D", data, "-A", "trust", "-U", "bench", "-E", "UTF8", "--locale=C"],
        check=True,
        **quiet,
    )
    server = subprocess.Popen(
        [*other, f"{programs}/postgres", "-D", data, "-k", folder, "-c", "listen_addresses="], **quiet
    )
    began = time.monotonic()
    while True:
        try:
            base = psycopg.connect(host=folder, user="bench", dbname="postgres", autocommit=True)
            break
        except psycopg.OperationalError:
            if time.monotonic() - began > 60:
                raise
            time.sleep(0.05)
    base.execute(
        "CREATE TABLE texts (id serial PRIMARY KEY, title text, body text, found tsvector GENERATED ALWAYS AS ("
        "setweight(to_tsvector('english', title), 'A') || to_tsvector('english', body)) STORED)"
    )
    with base.cursor() as cursor:
        cursor.executemany("INSERT INTO texts (title, body) VALUES (%s, %s)", texts)
    base.execute("CREATE INDEX ON texts USING gin (found)")
    base.execute("VACUUM ANALYZE texts")

    def ask(question):
        match = " | ".join(words(question))
        return base.execute(
            "SELECT id, title, ts_headline('english', body, query, 'MaxWords=30, MinWords=10'), total FROM (SELECT id, title, "
            "body, query, count(*) OVER () AS total FROM texts, to_tsquery('english', %s) query WHERE found @@ query "
            "ORDER BY ts_rank_cd(found, query) DESC LIMIT 10) best",
            (match,),
        ).fetchall()

    return ask, server, folder


def main():
    kind, texts, questions = sys.argv[1:]
    texts = [(text["title"], text["body"]) for text in lines(texts)]
    questions = [question["text"] for question in lines(questions)]
    server = folder = None
    if kind == "sqlite":
        ask = sqlite(texts)
    else:
        ask, server, folder = postgres(texts)
    try:
        # So it is known that it is ready, and that it finds something.
        found = sum(bool(ask(question)) for question in questions)
        assert found == len(questions)
        for _ in sys.stdin:
            began = time.perf_counter()
            for question in questions:
                ask(question)
            print((time.perf_counter() - began) * 1e6 / len(questions), flush=True)
    finally:
        if server is not None:
            # At once, whoever is connected.
            server.send_signal(signal.SIGINT)
            server.wait()
            shutil.rmtree(folder, ignore_errors=True)


main()
