"""The official `openai` package, unchanged, against Inkstone.

Usage: openai_client.py BASE_URL API_KEY CHAT_MODEL|- [EMBEDDING_MODEL]. Prints one JSON object of what it saw.
"""

import json
import sys
import time

import openai

base_url, key, chat_model = sys.argv[1:4]
embedding_model = sys.argv[4] if len(sys.argv) > 4 else None
client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=120)
seen = {"models": [model.id for model in client.models.list()]}

if chat_model != "-":
    messages = [
        {"role": "system", "content": "You answer in one short sentence."},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    plain = client.chat.completions.create(model=chat_model, messages=messages, max_tokens=24, temperature=0)
    seen["plain"] = {
        "text": plain.choices[0].message.content,
        "finish": plain.choices[0].finish_reason,
        "model": plain.model,
        "prompt_tokens": plain.usage.prompt_tokens,
        "completion_tokens": plain.usage.completion_tokens,
        "total_tokens": plain.usage.total_tokens,
    }

    arrivals, text, finish, usage = [], "", None, None
    stream = client.chat.completions.create(
        model=chat_model,
        messages=[{"role": "user", "content": "Tell me a story about a fox."}],
        max_tokens=48,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    for chunk in stream:
        if chunk.usage:
            usage = chunk.usage.completion_tokens
        for choice in chunk.choices:
            if choice.delta.content:
                arrivals.append(time.monotonic())
                text += choice.delta.content
            finish = choice.finish_reason or finish
    seen["stream"] = {
        "text": text,
        "chunks": len(arrivals),
        "spread_ms": round((arrivals[-1] - arrivals[0]) * 1000) if arrivals else 0,
        "finish": finish,
        "completion_tokens": usage,
    }

    try:
        client.chat.completions.create(model="nobody/nothing", messages=messages)
    except openai.NotFoundError as error:
        seen["unknown_model"] = {"status": error.status_code, "code": error.code, "message": error.message}

if embedding_model:
    reply = client.embeddings.create(
        model=embedding_model,
        input=["The cat sits on the mat.", "A cat is sitting on a rug.", "Interest rates rose."],
    )
    vectors = [item.embedding for item in reply.data]

    def cosine(a, b):
        dot = sum(x * y for x, y in zip(a, b))
        return dot / (sum(x * x for x in a) ** 0.5 * sum(y * y for y in b) ** 0.5)

    seen["embeddings"] = {
        "count": len(vectors),
        "dimensions": len(vectors[0]),
        "alike": cosine(vectors[0], vectors[1]),
        "unlike": cosine(vectors[0], vectors[2]),
        "prompt_tokens": reply.usage.prompt_tokens,
    }

print(json.dumps(seen))
