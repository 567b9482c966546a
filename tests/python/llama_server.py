"""A real OpenAI-compatible server: llama.cpp with the same model as the engine's own.

Usage: llama_server.py MODEL.gguf PORT. Prints `listening` once it answers, and ends with its standard input.
"""

import sys

import xllamacpp

model, port = sys.argv[1], int(sys.argv[2])
params = xllamacpp.CommonParams()
params.model.path = model
params.n_ctx = 4096
params.n_parallel = 1
params.embedding = False
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
params.hostnames = ["127.0.0.1"]
params.port = port
params.model_alias = {"smollm2-135m"}
server = xllamacpp.Server(params)
print("listening", server.listening_address, flush=True)
sys.stdin.read()
