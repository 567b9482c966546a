"""`instructor` on top of the `openai` package: answers that are objects of a class, in the ways it asks for them.

It needs INKSTONE_TOOL_MODEL, whose answer is known; client_steps.py names the rest of the environment.
"""

import logging

import instructor
import openai
import pydantic

import client_steps as steps
from client_steps import TOOL_MODEL, check, expect_error, step

# The errors that are asked for would be logged.
logging.getLogger("instructor").setLevel(logging.CRITICAL)
MESSAGES = [{"role": "user", "content": steps.PERSON_QUESTION}]


class Person(pydantic.BaseModel):
    name: str
    age: int


def client_in(mode, token=steps.TOKEN):
    client = openai.OpenAI(
        base_url=f"{steps.URL}/v1", api_key=token, max_retries=0, timeout=steps.TIMEOUT_SECONDS
    )
    return instructor.from_openai(client, mode=mode)


def ask(mode, model=TOOL_MODEL, token=steps.TOKEN, **others):
    completions = client_in(mode, token).chat.completions
    return completions.create(model=model, messages=MESSAGES, response_model=Person, max_retries=0, **others)


@step("structured output by schema", needs="INKSTONE_TOOL_MODEL")
def by_schema():
    steps.check_person(ask(instructor.Mode.JSON_SCHEMA).model_dump())


@step("structured output by tool", needs="INKSTONE_TOOL_MODEL")
def by_tool():
    steps.check_person(ask(instructor.Mode.TOOLS).model_dump())


@step("structured output with the completion", needs="INKSTONE_TOOL_MODEL")
def with_the_completion():
    completions = client_in(instructor.Mode.TOOLS).chat.completions
    person, completion = completions.create_with_completion(
        model=TOOL_MODEL, messages=MESSAGES, response_model=Person, max_retries=0
    )
    steps.check_person(person.model_dump())
    steps.check_usage(completion.usage)


@step("structured output stream", needs="INKSTONE_TOOL_MODEL")
def streamed():
    for mode in (instructor.Mode.JSON_SCHEMA, instructor.Mode.TOOLS):
        completions = client_in(mode).chat.completions
        partial = completions.create_partial(model=TOOL_MODEL, messages=MESSAGES, response_model=Person, max_retries=0)
        states = [person.model_dump() for person in partial]
        check(len(states) > 1, "the object should grow in more than one step", states)
        steps.check_person(states[-1])


@step("errors", needs="INKSTONE_TOOL_MODEL")
def errors():
    def fail(kind, **others):
        # The package wraps the error of the `openai` package.
        return steps.cause_of(kind, expect_error(Exception, lambda: ask(instructor.Mode.TOOLS, **others)))

    unknown = fail(openai.NotFoundError, model=steps.UNKNOWN_MODEL)
    check(unknown.code == "unknown_model", "the code should be unknown_model", unknown.code)
    fail(openai.AuthenticationError, token=steps.WRONG_TOKEN)
    bad = fail(openai.BadRequestError, temperature=99)
    check(bad.param == "temperature", "the param should be temperature", bad.param)


if __name__ == "__main__":
    steps.run_steps()
