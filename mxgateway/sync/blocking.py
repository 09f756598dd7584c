"""How async methods become synchronous ones, one line each, with their types and docstrings."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from mxgateway.errors import ClientClosedError
from mxgateway.sync.portal import Portal

__all__ = ["Stream", "Wrapper", "blocking", "streaming"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_S = TypeVar("_S")
_T = TypeVar("_T")


_Kind = TypeVar("_Kind", bound="Stream[Any]")


class Wrapper:
    """An async object and the portal that its methods run in."""

    def __init__(self, portal: Portal, wrapped: Any) -> None:
        self._portal = portal
        self._async = wrapped

    def __repr__(self) -> str:
        return f"<sync {self._async!r}>"


def blocking(
    method: Callable[Concatenate[_S, _P], Awaitable[_R]],
) -> Callable[Concatenate[Any, _P], _R]:
    """Return the synchronous form of an async method, for a Wrapper of its object."""

    @functools.wraps(method)
    def call(self: Any, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        result: _R = self._portal.run(method, self._async, *args, **kwargs)
        return result

    return call  # type: ignore[return-value]  # `self` may be given by position only


class Stream(Wrapper, Iterator[_T], Generic[_T]):
    """The synchronous form of a stream: a plain iterator that closes.

    Use it with `with`, or iterate it; leaving the block, `close`, or dropping the
    last reference ends it, for the async stream goes with it.
    """

    def __init__(self, portal: Portal, wrapped: Any) -> None:
        super().__init__(portal, wrapped)
        self._came: deque[tuple[Any, Exception | None]] = deque()

    def __enter__(self) -> Self:
        self._portal.run(self._async.__aenter__)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _T:
        """Return the next entry; raises what the async stream raises, StopIteration at its end.

        Ctrl-C during the wait loses nothing of a stream that goes on after a cancelled wait.
        """
        self._portal.check_caller()
        while True:
            try:
                value, error = self._came.popleft()
                break
            except IndexError:
                self._portal.run(_fetch, self._async, self._came)
        if error is not None:
            raise error
        entry: _T = value
        return entry

    def close(self) -> None:
        """End the stream. Idempotent; closing the client has ended it already."""
        try:
            self._portal.run(self._async.aclose)
        except ClientClosedError:
            if not self._portal.closed:
                raise


async def _fetch(stream: AsyncIterator[Any], came: deque[tuple[Any, Exception | None]]) -> None:
    # Left where the next call finds it, should the caller be interrupted at this moment.
    try:
        came.append((await anext(stream), None))
    except StopAsyncIteration:
        came.append((None, StopIteration()))
    except Exception as error:
        came.append((None, error))


def streaming(
    kind: type[_Kind], method: Callable[Concatenate[_S, _P], AsyncIterator[Any]]
) -> Callable[Concatenate[Any, _P], _Kind]:
    """Return the synchronous form of a method that returns a stream; its own is of `kind`."""

    async def make(wrapped: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        return method(wrapped, *args, **kwargs)  # streams are made inside the loop

    @functools.wraps(method)
    def call(self: Any, *args: _P.args, **kwargs: _P.kwargs) -> _Kind:
        return kind(self._portal, self._portal.run(make, self._async, *args, **kwargs))

    return call  # type: ignore[return-value]  # `self` may be given by position only
