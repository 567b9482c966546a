"""`litellm` as a client: it finds the gateway as one more server that speaks OpenAI's API.

It plays the scenario of client_steps.py, which names the environment it takes.
"""

import json
import os
import warnings

# Else it fetches a list of prices when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
import openai
import pydantic

import client_steps as steps
from client_steps import EMBEDDING_MODEL, MODEL, TOOL_MODEL, check, expect_error, step

# It puts usage of its own form into events and then warns of it.
warnings.filterwarnings("ignore", message="Pydantic serializer warnings")
litellm.suppress_debug_info = True
litellm.telemetry = False
ADDRESS = f"{steps.URL}/v1"


class Person(pydantic.BaseModel):
    name: str
    age: int


def surroundings(model, token):
    """What every call takes. The first part of the name says which API to speak; the gateway gets the rest."""
    return {
        "model": f"openai/{model}",
        "api_base": ADDRESS,
        "api_key": token,
        "timeout": steps.TIMEOUT_SECONDS,
        "max_retries": 0,
    }


def complete(model, messages, token=steps.TOKEN, **others):
    return litellm.completion(messages=messages, **surroundings(model, token), **others)


@step("models")
def models():
    listed = litellm.get_valid_models(
        check_provider_endpoint=True, custom_llm_provider="openai", api_base=steps.URL, api_key=steps.TOKEN
    )
    steps.check_models([name.removeprefix("openai/") for name in listed] + listed)


@step("chat")
def chat():
    steps.check_completion(complete(MODEL, steps.CONVERSATION, max_tokens=24, temperature=0))


@step("stream")
def stream():
    chunks = complete(
        MODEL,
        [{"role": "user", "content": steps.STORY}],
        max_tokens=48,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    steps.check_stream(chunks)


@step("tools", needs="INKSTONE_TOOL_MODEL")
def tools():
    messages = [{"role": "user", "content": steps.WEATHER_QUESTION}]
    call = steps.check_weather_call(complete(TOOL_MODEL, messages, tools=[steps.WEATHER_TOOL]).choices[0])
    completion = complete(TOOL_MODEL, steps.with_weather(call), tools=[steps.WEATHER_TOOL])
    steps.check_weather_answer(completion.choices[0].message.content)


@step("tools stream", needs="INKSTONE_TOOL_MODEL")
def tools_stream():
    messages = [{"role": "user", "content": steps.WEATHER_QUESTION}]
    steps.check_streamed_weather_call(complete(TOOL_MODEL, messages, tools=[steps.WEATHER_TOOL], stream=True))


@step("structured output", needs="INKSTONE_TOOL_MODEL")
def structured_output():
    messages = [{"role": "user", "content": steps.PERSON_QUESTION}]
    for response_format in (steps.PERSON_FORMAT, Person):
        completion = complete(TOOL_MODEL, messages, response_format=response_format)
        steps.check_person(json.loads(completion.choices[0].message.content))


@step("embeddings", needs="INKSTONE_EMBEDDING_MODEL")
def embeddings():
    reply = litellm.embedding(input=steps.TEXTS, **surroundings(EMBEDDING_MODEL, steps.TOKEN))
    steps.check_vectors([item["embedding"] for item in reply.data], reply.usage.prompt_tokens)


@step("responses")
def responses():
    response = litellm.responses(
        input=steps.QUESTION, max_output_tokens=24, temperature=0, **surroundings(MODEL, steps.TOKEN)
    )
    steps.check_response(response)
    check(bool(response.output_text), "there should be a text", response)


@step("responses stream")
def responses_stream():
    # Else the package asks for the whole answer of a model that it does not know, and cuts it up itself.
    litellm.register_model({f"openai/{MODEL}": {"litellm_provider": "openai", "supports_native_streaming": True}})
    events = litellm.responses(
        input=steps.STORY, max_output_tokens=48, temperature=0, stream=True, **surroundings(MODEL, steps.TOKEN)
    )
    steps.check_response_stream(events)


@step("errors")
def errors():
    # The package decides by words before it looks at the status: without OpenAI's own `model_not_found`, every
    # `invalid_request_error` is a bad request to it. The error below it is the right one in any case.
    either = (litellm.NotFoundError, litellm.BadRequestError)
    unknown = expect_error(either, lambda: complete(steps.UNKNOWN_MODEL, steps.CONVERSATION))
    cause = steps.cause_of(openai.NotFoundError, unknown)
    check(cause.code == "unknown_model", "the code should be unknown_model", cause.code)
    expect_error(
        litellm.AuthenticationError, lambda: complete(MODEL, steps.CONVERSATION, token=steps.WRONG_TOKEN)
    )
    bad = expect_error(litellm.BadRequestError, lambda: complete(MODEL, steps.CONVERSATION, temperature=99))
    check(bad.param == "temperature", "the param should be temperature", bad.param)


if __name__ == "__main__":
    steps.run_steps()
