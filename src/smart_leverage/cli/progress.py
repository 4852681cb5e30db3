"""How far a long duty is: one moving line on a terminal, a line per tenth elsewhere."""

import shutil
import time
from typing import TextIO

_BAR = 20
_TENTHS = 10
_EVERY_S = 0.1


class Progress:
    """Shows a count, a rate and what is left."""

    def __init__(self, what: str, stream: TextIO, *, is_quiet: bool = False) -> None:
        self._what = what
        self._stream = stream
        self._is_quiet = is_quiet
        self._is_terminal = stream.isatty()
        self._started = time.monotonic()
        self._shown = self._started - _EVERY_S
        self._tenth = 0

    def show(self, done: int, total: int) -> None:
        """Say how many of how many are done; the last call ends the line."""
        if self._is_quiet:
            return
        if self._is_terminal:
            self._move(done, total)
        else:
            self._print(done, total)

    def _move(self, done: int, total: int) -> None:
        now, is_last = time.monotonic(), done >= total
        if not is_last and now - self._shown < _EVERY_S:
            return
        self._shown = now
        share = done / total if total else 1.0
        bar = "█" * round(share * _BAR)
        rate = done / max(now - self._started, 1e-9)
        left = "" if is_last or not rate else f"  {(total - done) / rate:.0f} s left"
        line = f"{self._what}  {bar:░<{_BAR}}  {done:,} of {total:,}  {rate:,.0f}/s{left}"
        line = line[: shutil.get_terminal_size().columns - 1]
        self._stream.write(f"\r\x1b[K{line}" + ("\n" if is_last else ""))
        self._stream.flush()

    def _print(self, done: int, total: int) -> None:
        tenth = done * _TENTHS // total if total else _TENTHS
        if tenth > self._tenth:
            self._tenth = tenth
            self._stream.write(f"{self._what}  {tenth * 10} %  {done:,} of {total:,}\n")
            self._stream.flush()
