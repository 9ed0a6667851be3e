"""Answers by a language model behind OpenAI's interface: streamed for the chat, whole for suggestions."""

import os
from typing import Annotated

import httpx
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from inbox.auth import User
from inbox.database import Database

MODEL = os.environ.get("OPENAI_MODEL", "gpt-4o-mini")

router = APIRouter()


class Question(BaseModel):
    prompt: Annotated[str, Field(min_length=1, max_length=8192)]
    bot_profile_id: int | None = None


@router.post("/ai/chat")
async def chat(question: Question, user: User, database: Database, request: Request) -> StreamingResponse:
    asked = await ask(question, user, database, request, stream=True)
    answer = await request.app.state.models.send(asked, stream=True)
    if answer.is_error:
        await answer.aclose()
        raise HTTPException(502, "The model does not answer")

    async def events():
        try:
            async for line in answer.aiter_lines():
                if line:
                    yield f"{line}\n\n"
        finally:
            await answer.aclose()

    return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.post("/ai/complete")
async def complete(question: Question, user: User, database: Database, request: Request) -> dict:
    asked = await ask(question, user, database, request, stream=False)
    answer = await request.app.state.models.send(asked)
    if answer.is_error:
        raise HTTPException(502, "The model does not answer")
    return {"model": MODEL, "text": answer.json()["choices"][0]["message"]["content"]}


async def ask(question: Question, user: User, database: Database, request: Request, stream: bool) -> httpx.Request:
    messages = [{"role": "user", "content": question.prompt}]
    if question.bot_profile_id is not None:
        system = await database.fetchval(
            "select system_prompt from bot_profiles where id = $1 and (user_id = $2 or shared)",
            question.bot_profile_id,
            user["id"],
        )
        if system is None:
            raise HTTPException(404, "Bot profile not found")
        messages.insert(0, {"role": "system", "content": system})
    return request.app.state.models.build_request(
        "POST",
        "chat/completions",
        headers={"Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', 'none')}"},
        json={"model": MODEL, "messages": messages, "temperature": 0, "stream": stream},
    )
