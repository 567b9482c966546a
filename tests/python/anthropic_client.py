"""The official `anthropic` package, unchanged, against Inkstone's `/v1/messages`.

It plays the scenario of client_steps.py, which names the environment it takes, as far as Anthropic's API has it.
"""

import anthropic

import client_steps as steps
from client_steps import MODEL, TOKEN, TOOL_MODEL, check, expect_error, step

WEATHER_TOOL = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": steps.WEATHER_PARAMETERS,
}
QUESTION = [{"role": "user", "content": steps.QUESTION}]
WEATHER_QUESTION = [{"role": "user", "content": steps.WEATHER_QUESTION}]


def client_with(**credential):
    return anthropic.Anthropic(base_url=steps.URL, max_retries=0, timeout=steps.TIMEOUT_SECONDS, **credential)


client = client_with(auth_token=TOKEN or "-")


def ask(client=client, model=MODEL, messages=QUESTION, max_tokens=24, temperature=None, **others):
    # The package no longer knows the temperature as an argument; the API does.
    if temperature is not None:
        others["extra_body"] = {"temperature": temperature}
    return client.messages.create(model=model, messages=messages, max_tokens=max_tokens, **others)


def check_message(message, ends=("end_turn", "max_tokens")):
    check(message.type == "message" and message.role == "assistant", "it should be the assistant's message", message)
    check(message.stop_reason in ends, f"the stop reason should be {' or '.join(ends)}", message.stop_reason)
    check_usage(message.usage)


def check_usage(usage):
    counts = usage.input_tokens, usage.output_tokens
    check(counts[0] > 0 and counts[1] > 0, "tokens should be counted", counts)


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


@step("chat")
def chat():
    message = ask(system=steps.SYSTEM, temperature=0)
    check_message(message)
    check(bool(text_of(message)), "there should be a text", message)
    blocks = [{"role": "user", "content": [{"type": "text", "text": steps.QUESTION}]}]
    check_message(ask(messages=blocks, system=[{"type": "text", "text": steps.SYSTEM}], temperature=0))


@step("keys")
def keys():
    check_message(ask(client_with(api_key=TOKEN)))
    # Older versions of the package send an `api_key` in this header, and so do most other programs.
    only_key = {"X-Api-Key": TOKEN, "Authorization": anthropic.omit}
    check_message(ask(client_with(api_key="-", default_headers=only_key)))


@step("stream")
def stream():
    messages = [{"role": "user", "content": steps.STORY}]
    coldest = {"temperature": 0}
    with client.messages.stream(model=MODEL, messages=messages, max_tokens=48, extra_body=coldest) as events:
        pieces = [text for text in events.text_stream if text]
        final = events.get_final_message()
    check(len(pieces) > 1, "the text should come in more than one piece", pieces)
    check_message(final)
    check(text_of(final) == "".join(pieces), "the pieces should be the text", pieces, text_of(final))


@step("stream events")
def stream_events():
    messages = [{"role": "user", "content": steps.STORY}]
    events = list(ask(messages=messages, max_tokens=48, temperature=0, stream=True))
    kinds = [event.type for event in events if event.type != "ping"]
    check(kinds[0] == "message_start", "message_start should be first", kinds)
    check(kinds[-2:] == ["message_delta", "message_stop"], "message_delta and message_stop should be last", kinds)
    blocks = [kind for kind in kinds[1:-2] if kind != "content_block_delta"]
    check(blocks == ["content_block_start", "content_block_stop"], "there should be one block", kinds)
    check(events[0].message.content == [], "the message should begin empty", events[0])
    delta = next(event for event in events if event.type == "message_delta")
    check(delta.delta.stop_reason in ("end_turn", "max_tokens"), "the stop reason should be there", delta)
    check(delta.usage.output_tokens > 0, "tokens should be counted at the end", delta)


@step("tools", needs="INKSTONE_TOOL_MODEL")
def tools():
    message = ask(model=TOOL_MODEL, messages=WEATHER_QUESTION, tools=[WEATHER_TOOL], max_tokens=256)
    check_weather_answer(message)


@step("tools stream", needs="INKSTONE_TOOL_MODEL")
def tools_stream():
    with client.messages.stream(
        model=TOOL_MODEL, messages=WEATHER_QUESTION, tools=[WEATHER_TOOL], max_tokens=256
    ) as events:
        pieces = [event.partial_json for event in events if event.type == "input_json"]
        message = events.get_final_message()
    check(len([piece for piece in pieces if piece]) > 1, "the input should come in more than one piece", pieces)
    check_weather_answer(message)


def check_weather_answer(message):
    """The call of the tool is what it should be, and its result gives an answer."""
    check_message(message, ends=("tool_use",))
    calls = [block for block in message.content if block.type == "tool_use"]
    check(len(calls) == 1, "there should be one call", message.content)
    check(calls[0].name == "get_weather" and bool(calls[0].id), "get_weather should be called with an id", calls[0])
    check(calls[0].input == {"city": "Paris"}, "the input should be that of the replay", calls[0].input)
    result = {"type": "tool_result", "tool_use_id": calls[0].id, "content": steps.WEATHER}
    # The blocks of an answer go back as they came.
    messages = [
        *WEATHER_QUESTION,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [result]},
    ]
    answer = ask(model=TOOL_MODEL, messages=messages, tools=[WEATHER_TOOL], max_tokens=256)
    check_message(answer, ends=("end_turn",))
    steps.check_weather_answer(text_of(answer))


@step("errors")
def errors():
    def check_type(error, kind):
        check(error.type == kind, f"the type should be {kind}", error.body)
        check(error.body.get("type") == "error", "the body should be an error of Anthropic's form", error.body)

    check_type(expect_error(anthropic.NotFoundError, lambda: ask(model=steps.UNKNOWN_MODEL)), "not_found_error")
    streamed = expect_error(anthropic.NotFoundError, lambda: ask(model=steps.UNKNOWN_MODEL, stream=True))
    check_type(streamed, "not_found_error")
    for credential in ({"auth_token": steps.WRONG_TOKEN}, {"api_key": steps.WRONG_TOKEN}):
        stranger = client_with(**credential)
        check_type(expect_error(anthropic.AuthenticationError, lambda: ask(stranger)), "authentication_error")
    bad = expect_error(anthropic.BadRequestError, lambda: ask(temperature=99))
    check_type(bad, "invalid_request_error")
    check("temperature" in bad.message, "the message should name temperature", bad.message)


if __name__ == "__main__":
    steps.run_steps()
