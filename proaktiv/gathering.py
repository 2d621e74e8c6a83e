"""Do together what comes together: whoever comes while a set is being done goes with the next one.

Nobody waits for company. Alone, an item is a set of one, at once; in a crowd the sets grow with it, so that one COMMIT
is paid for many. Knows nothing of what is done. Cf. group commit of databases.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item, Answer]):
    item: Item
    answers: tuple[Answer, ...] = ()
    error: BaseException | None = None

    @property
    def ended(self) -> bool:
        return bool(self.answers) or self.error is not None


class Gathering(Generic[Item, Answer]):
    """Calls ``do`` with one set after the other, of at most ``most`` items, in the order in which they came.

    ``do`` answers each item, in order. Where it raises one of ``shared``, all of the set are told so; where it raises
    anything else, each is done alone, so that nobody pays for another's item. Threads share it.
    """

    def __init__(
        self, do: Callable[[Sequence[Item]], Sequence[Answer]], most: int, shared: tuple[type[BaseException], ...] = ()
    ) -> None:
        self._do = do
        self._most = most
        self._shared = shared
        self._queue: deque[_Waiting[Item, Answer]] = deque()
        self._busy = False
        self._changed = threading.Condition()

    def __call__(self, item: Item) -> Answer:
        """Return the answer to ``item``. Raises what ``do`` raises."""
        mine: _Waiting[Item, Answer] = _Waiting(item)
        with self._changed:
            self._queue.append(mine)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: mine.ended or not self._busy)
                if mine.ended:
                    break
                self._busy = True
                taken = [self._queue.popleft() for _ in range(min(self._most, len(self._queue)))]
            self._serve(taken)
        if mine.error is not None:
            raise mine.error
        return mine.answers[0]

    def _serve(self, taken: Sequence[_Waiting[Item, Answer]]) -> None:
        try:
            self._answer(taken)
        except self._shared as error:
            self._tell(taken, error)
        except Exception as error:  # noqa: BLE001 - carried to whoever waits for it
            self._one_by_one(taken, error)
        except BaseException as error:  # noqa: BLE001 - the process ends: nothing is tried again, and nobody waits on
            self._tell(taken, error)
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _one_by_one(self, taken: Sequence[_Waiting[Item, Answer]], error: BaseException) -> None:
        if len(taken) == 1:
            taken[0].error = error
            return
        for each in taken:
            try:
                self._answer([each])
            except BaseException as own:  # noqa: BLE001 - carried to whoever waits for it
                each.error = own
                if not isinstance(own, Exception):
                    self._tell(taken, own)
                    return

    @staticmethod
    def _tell(taken: Sequence[_Waiting[Item, Answer]], error: BaseException) -> None:
        for each in taken:
            if not each.ended:
                each.error = error

    def _answer(self, taken: Sequence[_Waiting[Item, Answer]]) -> None:
        answers = self._do([each.item for each in taken])
        for each, answer in zip(taken, answers, strict=True):
            each.answers = (answer,)
