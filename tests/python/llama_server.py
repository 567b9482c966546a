"""A real OpenAI-compatible server: llama.cpp with the same model as the engine's own.

Usage: llama_server.py MODEL.gguf PORT chat|embeddings. Its server does one of the two. Prints `listening` once it answers, and ends with its standard input.
"""

import sys

import xllamacpp

model, port, task = sys.argv[1], int(sys.argv[2]), sys.argv[3]
params = xllamacpp.CommonParams()
params.model.path = model
params.n_ctx = 4096
params.n_parallel = 1
if task == "embeddings":
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
params.hostnames = ["127.0.0.1"]
params.port = port
params.model_alias = {"smollm2-135m"}
server = xllamacpp.Server(params)
print("listening", server.listening_address, flush=True)
sys.stdin.read()
