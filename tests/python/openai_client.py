"""The official `openai` package, unchanged, against Inkstone.

Without arguments it plays the scenario of client_steps.py, which names the environment it takes. With arguments it
measures: openai_client.py BASE_URL API_KEY CHAT_MODEL|- [EMBEDDING_MODEL] prints one JSON object of what it saw.
"""

import json
import sys
import time

import openai
import pydantic

import client_steps as steps
from client_steps import MODEL, TOOL_MODEL, check, expect_error, step


def client_with(token):
    return openai.OpenAI(base_url=f"{steps.URL}/v1", api_key=token, max_retries=0, timeout=steps.TIMEOUT_SECONDS)


client = client_with(steps.TOKEN or "-")


class Person(pydantic.BaseModel):
    name: str
    age: int


@step("models")
def models():
    steps.check_models([model.id for model in client.models.list()])


@step("chat")
def chat():
    completion = client.chat.completions.create(
        model=MODEL, messages=steps.CONVERSATION, max_tokens=24, temperature=0
    )
    steps.check_completion(completion)


@step("stream")
def stream():
    chunks = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": steps.STORY}],
        max_tokens=48,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    steps.check_stream(chunks)


@step("tools", needs="INKSTONE_TOOL_MODEL")
def tools():
    messages = [{"role": "user", "content": steps.WEATHER_QUESTION}]
    completion = client.chat.completions.create(model=TOOL_MODEL, messages=messages, tools=[steps.WEATHER_TOOL])
    call = steps.check_weather_call(completion.choices[0])
    completion = client.chat.completions.create(
        model=TOOL_MODEL, messages=steps.with_weather(call), tools=[steps.WEATHER_TOOL]
    )
    steps.check_weather_answer(completion.choices[0].message.content)


@step("tools stream", needs="INKSTONE_TOOL_MODEL")
def tools_stream():
    chunks = client.chat.completions.create(
        model=TOOL_MODEL,
        messages=[{"role": "user", "content": steps.WEATHER_QUESTION}],
        tools=[steps.WEATHER_TOOL],
        stream=True,
    )
    steps.check_streamed_weather_call(chunks)


@step("structured output", needs="INKSTONE_TOOL_MODEL")
def structured_output():
    messages = [{"role": "user", "content": steps.PERSON_QUESTION}]
    plain = client.chat.completions.create(
        model=TOOL_MODEL, messages=messages, response_format=steps.PERSON_FORMAT
    )
    steps.check_person(json.loads(plain.choices[0].message.content))
    parsed = client.chat.completions.parse(model=TOOL_MODEL, messages=messages, response_format=Person)
    steps.check_person(parsed.choices[0].message.parsed.model_dump())


@step("embeddings", needs="INKSTONE_EMBEDDING_MODEL")
def embeddings():
    # Unless told otherwise, the package asks for base64.
    packed = client.embeddings.create(model=steps.EMBEDDING_MODEL, input=steps.TEXTS)
    vectors = [item.embedding for item in packed.data]
    steps.check_vectors(vectors, packed.usage.prompt_tokens)
    plain = client.embeddings.create(model=steps.EMBEDDING_MODEL, input=steps.TEXTS, encoding_format="float")
    pairs = zip(vectors[0], plain.data[0].embedding, strict=True)
    check(all(abs(a - b) < 1e-3 for a, b in pairs), "base64 and float should be the same vector", vectors[0][:4])


@step("responses")
def responses():
    response = client.responses.create(
        model=MODEL, instructions=steps.SYSTEM, input=steps.QUESTION, max_output_tokens=24, temperature=0
    )
    steps.check_response(response)
    check(bool(response.output_text), "there should be a text", response)


@step("responses stream")
def responses_stream():
    events = list(
        client.responses.create(model=MODEL, input=steps.STORY, max_output_tokens=48, temperature=0, stream=True)
    )
    steps.check_response_stream(events)
    numbers = [event.sequence_number for event in events]
    check(numbers == sorted(set(numbers)), "the events should be numbered in order", numbers)
    if TOOL_MODEL:
        # Its answer is short, so nothing is cut.
        events = client.responses.create(model=TOOL_MODEL, input=steps.QUESTION, stream=True)
        steps.check_response_stream(events, needs_all=True)


@step("errors")
def errors():
    def ask(client, model, **others):
        return lambda: client.chat.completions.create(model=model, messages=steps.CONVERSATION, **others)

    unknown = expect_error(openai.NotFoundError, ask(client, steps.UNKNOWN_MODEL))
    check(unknown.code == "unknown_model", "the code should be unknown_model", unknown.code)
    streamed = expect_error(openai.NotFoundError, ask(client, steps.UNKNOWN_MODEL, stream=True))
    check(streamed.code == "unknown_model", "the code should be unknown_model in a stream too", streamed.code)
    expect_error(openai.AuthenticationError, ask(client_with(steps.WRONG_TOKEN), MODEL))
    bad = expect_error(openai.BadRequestError, ask(client, MODEL, temperature=99))
    check(bad.param == "temperature", "the param should be temperature", bad.param)
    unknown = expect_error(
        openai.NotFoundError, lambda: client.responses.create(model=steps.UNKNOWN_MODEL, input=steps.QUESTION)
    )
    check(unknown.code == "unknown_model", "the code should be unknown_model in responses too", unknown.code)


def measure(base_url, key, chat_model, embedding_model=None):
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


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(*sys.argv[1:])
    else:
        steps.run_steps()
