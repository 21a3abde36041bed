"""llama.cpp's OpenAI server, as `python -m llama_cpp.server`, on plain weights only.

ggml repacks weights for the CPU it was built on. Its AMX kernels, built with gcc 12, die with a general protection fault,
and repacked weights round differently from one machine to the next; neither is wanted in a test of a gateway.
"""
import llama_cpp.llama_cpp as bindings
from llama_cpp.server.__main__ import main

default_params = bindings.llama_model_default_params


def plain_params():
    params = default_params()
    params.use_extra_bufts = False
    return params


bindings.llama_model_default_params = plain_params
main()
