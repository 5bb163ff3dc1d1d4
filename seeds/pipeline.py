"""Make blocks in threads, ahead of the consumer."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pyarrow as pa

T = TypeVar("T")
_END = object()


def in_order(make: Callable[[int], T], count: int, workers: int) -> Iterator[T]:
    """``make(0)``, ``make(1)``, … made by threads, yielded in order.

    At most ``2 * workers`` results are made or waiting at a time.
    """
    waiting: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="seed")
    try:
        for number in range(count):
            waiting.append(pool.submit(make, number))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def regroup(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of exactly ``rows``, the last one shorter."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= rows:
            joined = pa.concat_batches(held) if len(held) > 1 else held[0]
            yield joined.slice(0, rows)
            rest = joined.slice(rows)
            count = rest.num_rows
            held = [rest] if count else []
    if held:
        yield pa.concat_batches(held) if len(held) > 1 else held[0]


class Background(Iterator[T]):
    """Runs an iterable in a thread, ``depth`` items ahead; its exceptions are raised here."""

    def __init__(self, source: Iterable[T], depth: int) -> None:
        self._queue: queue.Queue[object] = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(source,), daemon=True)
        self._thread.start()

    def _put(self, item: object) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def _run(self, source: Iterable[T]) -> None:
        items = iter(source)
        try:
            for item in items:
                if not self._put(item):
                    break
        except BaseException as error:
            self.error = error
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
            self._put(_END)

    def __next__(self) -> T:
        item = self._queue.get()
        if item is _END:
            self._queue.put(_END)
            if self.error is not None:
                raise self.error
            raise StopIteration
        return item  # type: ignore[return-value]

    def close(self) -> None:
        """Stop the thread and wait for it."""
        self._stop.set()
        self._thread.join()
