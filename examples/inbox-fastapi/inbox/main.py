"""The app: its routes, and the connections they share.

Started by `uvicorn inbox.main:app`. Reads DATABASE_URL, JWT_SECRET, OPENAI_BASE_URL and, where set, WEBHOOK_SECRET.
"""

import os
from contextlib import asynccontextmanager

import asyncpg
import httpx
from fastapi import FastAPI

from inbox import accounts, assistant, auth, conversations, messages, webhooks


@asynccontextmanager
async def lifespan(app: FastAPI):
    models_url = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
    async with (
        asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=10) as pool,
        httpx.AsyncClient(base_url=models_url, timeout=60) as models,
    ):
        app.state.pool = pool
        app.state.models = models
        yield


app = FastAPI(title="Inbox", lifespan=lifespan)
for part in (auth, accounts, conversations, messages, webhooks, assistant):
    app.include_router(part.router)


@app.get("/health")
async def health() -> dict:
    async with app.state.pool.acquire() as connection:
        await connection.fetchval("select 1")
    return {"status": "ok"}
