"""What the client scripts share: whom they ask, the steps they go through, and how they say what was wrong.

Each script plays the same scenario with another library. It prints `ok STEP` for each step, ends with
`all steps passed`, and leaves with 1 and a message at the first failure. The environment says whom to ask:

- INKSTONE_URL: such as http://127.0.0.1:7700, without a path
- INKSTONE_TOKEN: an access token or a virtual key
- INKSTONE_MODEL: a chat model; nothing hangs on what it says
- INKSTONE_EMBEDDING_MODEL: empty skips the steps that need it
- INKSTONE_TOOL_MODEL: `replay-tools` of replay_upstream.py as the gateway names it, since the steps know what it
  answers; empty skips them
"""

import json
import os
import sys
import traceback

URL = os.environ.get("INKSTONE_URL", "").rstrip("/")
TOKEN = os.environ.get("INKSTONE_TOKEN", "")
MODEL = os.environ.get("INKSTONE_MODEL", "")
EMBEDDING_MODEL = os.environ.get("INKSTONE_EMBEDDING_MODEL", "")
TOOL_MODEL = os.environ.get("INKSTONE_TOOL_MODEL", "")

UNKNOWN_MODEL = "nobody/nothing"
WRONG_TOKEN = "wrong"
TIMEOUT_SECONDS = 120

SYSTEM = "You answer in one short sentence."
QUESTION = "What is the capital of France?"
CONVERSATION = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
STORY = "Tell me a story about a fox."
TEXTS = ["The cat sits on the mat.", "Interest rates rose."]

WEATHER_QUESTION = "What is the weather in Paris?"
WEATHER_PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER_TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather in a city.", "parameters": WEATHER_PARAMETERS},
}
WEATHER = "18 degrees and sunny"

PERSON_QUESTION = "Who wrote the first program, and how old did she become?"
PERSON_SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
PERSON_FORMAT = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON_SCHEMA, "strict": True}}
PERSON = {"name": "Ada", "age": 36}


class StepFailed(Exception):
    """What was expected, and what came instead."""


_steps = []


def step(name, needs="INKSTONE_MODEL"):
    """Makes a function a step; they run in the order in which they stand in the script."""

    def note(action):
        _steps.append((name, needs, action))
        return action

    return note


def run_steps():
    """Runs what `step` has noted, and ends the program at the first failure."""
    for name in ("INKSTONE_URL", "INKSTONE_TOKEN", "INKSTONE_MODEL"):
        if not os.environ.get(name):
            sys.exit(f"{name} is not set")
    for name, needs, action in _steps:
        if not os.environ.get(needs):
            print(f"skipped {name}: {needs} is empty", flush=True)
            continue
        try:
            action()
        except StepFailed as failure:
            sys.exit(f"failed {name}: {failure}")
        except Exception as error:
            traceback.print_exc(limit=4, chain=False)
            sys.exit(f"failed {name}: {type(error).__name__}: {error}")
        print(f"ok {name}", flush=True)
    print("all steps passed", flush=True)


def check(holds, expectation, *seen):
    """Fails the step unless `holds`; `seen` is what came instead."""
    if not holds:
        shown = ", ".join(map(repr, seen))
        raise StepFailed(f"{expectation}; got {shown}" if seen else expectation)


def expect_error(kind, call):
    """The error that `call` must end with; `kind` is a class or a tuple of some."""
    wanted = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
    try:
        answer = call()
    except kind as error:
        return error
    except Exception as error:
        raise StepFailed(f"{wanted} was expected; got {type(error).__name__}: {error}") from error
    raise StepFailed(f"{wanted} was expected; got an answer: {answer!r}")


def cause_of(kind, error):
    """The first error of exactly this class among an error and its causes, where a library wraps those of another."""
    cause = error
    while cause is not None:
        if type(cause) is kind:
            return cause
        cause = cause.__cause__ or cause.__context__
    raise StepFailed(f"{kind.__name__} should be the cause; got {type(error).__name__}: {error}")


def check_models(listed):
    """Every model that the scenario uses stands in the list."""
    for name in filter(None, [MODEL, EMBEDDING_MODEL, TOOL_MODEL]):
        check(name in listed, f"`{name}` should stand in the list of models", listed)


def check_usage(usage):
    """Tokens as OpenAI's chat counts them."""
    check(usage is not None, "the usage should be there")
    counts = usage.prompt_tokens, usage.completion_tokens, usage.total_tokens
    check(counts[0] > 0 and counts[1] > 0, "tokens should be counted", counts)
    check(counts[0] + counts[1] == counts[2], "the total should be the sum", counts)


def check_completion(completion):
    """A whole answer of a chat."""
    choice = completion.choices[0]
    check(choice.message.role == "assistant", "the role should be assistant", choice.message.role)
    check(bool(choice.message.content), "there should be a text", choice)
    check(choice.finish_reason in ("stop", "length"), "the finish reason should be stop or length", choice)
    check_usage(completion.usage)


def check_stream(chunks):
    """A streamed answer of a chat: its text comes in pieces, then the reason to finish, then the usage."""
    pieces, finish, usage = [], None, None
    for chunk in chunks:
        check(usage is None, "nothing should come after the usage", chunk)
        usage = getattr(chunk, "usage", None)
        for choice in chunk.choices:
            if choice.delta.content:
                check(finish is None, "no text should come after the finish reason", choice)
                pieces.append(choice.delta.content)
            finish = choice.finish_reason or finish
    check(len(pieces) > 1, "the text should come in more than one piece", pieces)
    check(finish in ("stop", "length"), "the finish reason should be stop or length", finish)
    check_usage(usage)


def check_weather_call(choice):
    """The model's call of the tool, in OpenAI's shape, with its arguments parsed."""
    check(choice.finish_reason == "tool_calls", "the finish reason should be tool_calls", choice)
    calls = choice.message.tool_calls
    check(calls is not None and len(calls) == 1, "there should be one call", choice.message)
    check(bool(calls[0].id), "the call should have an id", calls[0])
    check(calls[0].function.name == "get_weather", "get_weather should be called", calls[0])
    arguments = json.loads(calls[0].function.arguments)
    check(arguments == {"city": "Paris"}, "the arguments should be those of the replay", arguments)
    return calls[0]


def check_streamed_weather_call(chunks):
    """The same call, put together from the pieces of a stream."""
    name, arguments, ids, pieces, finish = "", "", set(), 0, None
    for chunk in chunks:
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or []:
                check(call.index == 0, "all pieces should belong to one call", call)
                ids |= {call.id} - {None, ""}
                name += call.function.name or ""
                arguments += call.function.arguments or ""
                pieces += 1
    check(name == "get_weather" and len(ids) == 1, "get_weather should be called with one id", name, ids)
    check(json.loads(arguments) == {"city": "Paris"}, "the arguments should be those of the replay", arguments)
    check(pieces > 1, "the call should come in more than one piece", pieces)
    check(finish == "tool_calls", "the finish reason should be tool_calls", finish)


def with_weather(call):
    """The conversation after the tool was called and has answered."""
    function = {"name": call.function.name, "arguments": call.function.arguments}
    called = {"id": call.id, "type": "function", "function": function}
    return [
        {"role": "user", "content": WEATHER_QUESTION},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": call.id, "content": WEATHER},
    ]


def check_weather_answer(text):
    """The answer proves that the tool's result has reached the model: the replay repeats it."""
    check(WEATHER in (text or ""), f"the answer should repeat `{WEATHER}`", text)


def check_person(person):
    """An answer that was held to a schema."""
    check(person == PERSON, "the answer should be the person of the replay", person)


def check_vectors(vectors, prompt_tokens):
    """One vector for each of `TEXTS`."""
    check(len(vectors) == len(TEXTS), "there should be one vector for each text", len(vectors))
    lengths = [len(vector) for vector in vectors]
    check(lengths[0] == lengths[1] > 0, "both vectors should have the same length", lengths)
    check(vectors[0] != vectors[1], "different texts should have different vectors", vectors[0][:4])
    check(prompt_tokens > 0, "tokens should be counted", prompt_tokens)


def check_response(response):
    """An answer of OpenAI's Responses API: complete, or cut at the tokens it was allowed."""
    reason = getattr(response.incomplete_details, "reason", None)
    is_cut = response.status == "incomplete" and reason == "max_output_tokens"
    check(response.status == "completed" or is_cut, "it should be completed, or cut at its limit", response)
    usage = response.usage
    check(usage is not None and usage.input_tokens > 0 and usage.output_tokens > 0, "tokens should be counted", usage)
    check(usage.total_tokens == usage.input_tokens + usage.output_tokens, "the total should be the sum", usage)


def check_response_stream(events, needs_all=False):
    """The events of a streamed answer: created, pieces of text, and at the end all of it with the usage."""
    events = list(events)
    kinds = [event.type for event in events]
    check(kinds[:1] == ["response.created"], "the first event should be response.created", kinds[:1])
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    check(len(pieces) > 1, "the text should come in more than one piece", kinds)
    ends = ["response.completed"] if needs_all else ["response.completed", "response.incomplete"]
    check(kinds[-1] in ends, f"the last event should be {' or '.join(ends)}", kinds[-1])
    whole = events[-1].response
    check(f"response.{whole.status}" == kinds[-1], "status and last event should agree", whole.status, kinds[-1])
    check_response(whole)
    check(whole.output_text == "".join(pieces), "the pieces should be the text", pieces, whole.output_text)
