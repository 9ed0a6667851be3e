"""A connection for the time of a request."""

from typing import Annotated

import asyncpg
from fastapi import Depends, Request


async def connection(request: Request):
    async with request.app.state.pool.acquire() as acquired:
        yield acquired


Database = Annotated[asyncpg.Connection, Depends(connection)]
