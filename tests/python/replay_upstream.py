"""A small upstream that speaks OpenAI's HTTP API and always answers the same, so that tests know the answer.

Usage: replay_upstream.py [PORT]. Without a port it takes a free one. The first line it prints is its address,
such as http://127.0.0.1:40123; requests go below /v1. It serves until it is killed.

Its answers were written by hand after OpenAI's public API reference (platform.openai.com/docs/api-reference/chat,
.../chat/streaming, .../embeddings, .../models), with identifiers made up; they are no recordings of traffic.

- `replay-chat` answers with a fixed text.
- `replay-tools` calls a tool when some are offered and no result is there yet: `get_weather` with Paris, any other
  one with the person below. With a result, its text repeats the result.
- Both answer with the person where `response_format` asks for a JSON schema.
- `replay-embedding` gives eight numbers that depend on the text alone.

It is strict where OpenAI is: a request that does not fit is refused. The token `wrong` is refused too. An unknown
model has the code `unknown_model`, which is the engine's word and not OpenAI's, so that clients can be shown to work
against this server alone.
"""

import base64
import hashlib
import json
import re
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = "Paris is the capital of France, and the Seine flows through it."
WEATHER = {"city": "Paris"}
PERSON = {"name": "Ada", "age": 36}
CHAT_MODELS = ["replay-chat", "replay-tools"]
EMBEDDING_MODEL = "replay-embedding"
CREATED = 1741569952


class Refusal(Exception):
    """An answer other than 200, in OpenAI's envelope."""

    def __init__(self, status, kind, message, code=None, param=None):
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def invalid(message, param):
    return Refusal(400, "invalid_request_error", message, "invalid_value", param)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Each piece of a stream goes out at once.
    disable_nagle_algorithm = True

    def do_GET(self):
        self.answer({"/v1/models": lambda body: models()})

    def do_POST(self):
        self.answer({"/v1/chat/completions": self.chat, "/v1/embeddings": embeddings})

    def answer(self, routes):
        raw = self.read_body()
        try:
            if self.headers.get("authorization") == "Bearer wrong":
                raise Refusal(401, "invalid_request_error", "Incorrect API key provided.", "invalid_api_key")
            route = routes.get(self.path.split("?")[0])
            if route is None:
                raise Refusal(404, "invalid_request_error", f"Invalid URL ({self.command} {self.path})")
            reply = route(parsed(raw) if self.command == "POST" else None)
        except Refusal as refusal:
            self.send_json(refusal.status, refusal.body)
        except (AttributeError, KeyError, TypeError) as error:
            # A field is missing or of another type; before anything was sent, since an answer is made whole.
            refusal = invalid(f"the request does not have the form of the API: {error!r}", None)
            self.send_json(refusal.status, refusal.body)
        else:
            if reply is not None:
                self.send_json(200, reply)

    def chat(self, body):
        """The whole answer, or `None` once it was streamed."""
        message, finish_reason = answer_to(body)
        prompt_tokens = max(1, len(json.dumps(body["messages"]).split()))
        completion_tokens = max(1, len(pieces_of(message)))
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }
        head = {"id": "chatcmpl-replay", "created": CREATED, "model": body["model"]}
        if body.get("stream"):
            include_usage = bool((body.get("stream_options") or {}).get("include_usage"))
            self.send_events(chunks(head, message, finish_reason, usage if include_usage else None))
            return None
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
        return {**head, "object": "chat.completion", "choices": [choice], "usage": usage, "service_tier": "default"}

    def read_body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def send_json(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_events(self, events):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in [*map(json.dumps, events), "[DONE]"]:
            line = f"data: {event}\n\n".encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def handle(self):
        # A client may leave in the middle.
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_):
        pass


def parsed(raw):
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_request_error", "We could not parse the JSON body of your request.")
    return body


def models():
    names = [*CHAT_MODELS, EMBEDDING_MODEL]
    data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "replay"} for name in names]
    return {"object": "list", "data": data}


def answer_to(body):
    """The message and why it ended."""
    check_model(body, CHAT_MODELS)
    check_chat(body)
    message = {"role": "assistant", "content": TEXT, "refusal": None, "annotations": []}
    results = [said for said in body["messages"] if said.get("role") == "tool"]
    if (body.get("response_format") or {}).get("type") == "json_schema":
        message["content"] = json.dumps(PERSON, separators=(",", ":"))
    elif results:
        message["content"] = f"The tool said: {text_of(results[-1])}."
    elif body["model"] == "replay-tools" and body.get("tools") and body.get("tool_choice") != "none":
        message["content"] = None
        message["tool_calls"] = [tool_call(body)]
        return message, "tool_calls"
    return message, "stop"


def tool_call(body):
    names = [tool["function"]["name"] for tool in body["tools"]]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        name = choice["function"]["name"]
    else:
        name = "get_weather" if "get_weather" in names else names[0]
    arguments = WEATHER if name == "get_weather" else PERSON
    function = {"name": name, "arguments": json.dumps(arguments, separators=(",", ":"))}
    return {"id": "call_replay_1", "type": "function", "function": function}


def chunks(head, message, finish_reason, usage):
    """The same answer in pieces, the usage last where it was asked for."""

    def chunk(choices, counted=None):
        piece = {**head, "object": "chat.completion.chunk", "service_tier": "default", "choices": choices}
        return {**piece, "usage": counted} if usage else piece

    def delta(change, finish_reason=None):
        return chunk([{"index": 0, "delta": change, "logprobs": None, "finish_reason": finish_reason}])

    pieces = pieces_of(message)
    if calls := message.get("tool_calls"):
        call = calls[0]
        opening = {"index": 0, **call, "function": {"name": call["function"]["name"], "arguments": ""}}
        yield delta({"role": "assistant", "content": None, "tool_calls": [opening], "refusal": None})
        for piece in pieces:
            yield delta({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    else:
        yield delta({"role": "assistant", "content": "", "refusal": None})
        for piece in pieces:
            yield delta({"content": piece})
    yield delta({}, finish_reason)
    if usage:
        yield chunk([], usage)


def pieces_of(message):
    """Words of a text; a few letters at a time where there is JSON."""
    calls = message.get("tool_calls")
    text = calls[0]["function"]["arguments"] if calls else message["content"]
    return re.findall(".{1,5}" if text.startswith("{") else r"\S+\s*", text)


def embeddings(body):
    check_model(body, [EMBEDDING_MODEL])
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        raise invalid("'input' must be a text or a list of texts, none of them empty.", "input")
    as_base64 = body.get("encoding_format") == "base64"
    data = []
    for index, text in enumerate(texts):
        # Whole numbers of 128ths, so that nothing is lost in any format.
        vector = [(byte - 128) / 128 for byte in hashlib.sha256(text.encode()).digest()[:8]]
        shown = base64.b64encode(struct.pack("<8f", *vector)).decode() if as_base64 else vector
        data.append({"object": "embedding", "index": index, "embedding": shown})
    tokens = sum(len(text.split()) or 1 for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def check_model(body, known):
    if body.get("model") not in known:
        message = f"The model `{body.get('model')}` does not exist or you do not have access to it."
        raise Refusal(404, "invalid_request_error", message, "unknown_model", "model")


def check_chat(body):
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("'messages' must be a list with at least one message.", "messages")
    temperature = body.get("temperature")
    if temperature is not None and not 0 <= temperature <= 2:
        raise invalid("'temperature' must be from 0 to 2.", "temperature")
    if body.get("stream_options") is not None and not body.get("stream"):
        raise invalid("'stream_options' is only allowed when 'stream' is enabled.", "stream_options")
    called = set()
    for index, message in enumerate(messages):
        called |= {call["id"] for call in message.get("tool_calls") or []}
        if message.get("role") == "tool" and message.get("tool_call_id") not in called:
            raise invalid("a message of a tool must answer a call before it.", f"messages.[{index}].tool_call_id")


def text_of(message):
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
