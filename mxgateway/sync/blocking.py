"""How async methods become synchronous ones, one line each, with their types and docstrings."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Concatenate, Final, Generic, ParamSpec, Self, TypeVar

from mxgateway.sync.portal import Portal

__all__ = ["Stream", "Wrapper", "blocking", "streaming"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_S = TypeVar("_S")
_T = TypeVar("_T")


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
    last reference ends it.
    """

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
        """Return the next entry; raises what the async stream raises, StopIteration at its end."""
        entry = self._portal.run(_next_of, self._async)
        if entry is _END:
            raise StopIteration
        value: _T = entry
        return value

    def close(self) -> None:
        """End the stream. Idempotent."""
        self._portal.run(self._async.aclose)

    def __del__(self) -> None:
        wrapped = getattr(self, "_async", None)
        if wrapped is not None:
            self._portal.soon(wrapped.aclose)


_END: Final = object()


async def _next_of(stream: AsyncIterator[Any]) -> Any:
    # StopIteration cannot pass a future, and StopAsyncIteration means nothing to the caller.
    try:
        return await anext(stream)
    except StopAsyncIteration:
        return _END


def streaming(
    method: Callable[Concatenate[_S, _P], AsyncIterator[_T]],
) -> Callable[Concatenate[Any, _P], Stream[_T]]:
    """Return the synchronous form of a method that returns a stream."""

    async def make(wrapped: Any, *args: Any, **kwargs: Any) -> AsyncIterator[_T]:
        return method(wrapped, *args, **kwargs)  # streams are made inside the loop

    @functools.wraps(method)
    def call(self: Any, *args: _P.args, **kwargs: _P.kwargs) -> Stream[_T]:
        return Stream(self._portal, self._portal.run(make, self._async, *args, **kwargs))

    return call  # type: ignore[return-value]  # `self` may be given by position only
