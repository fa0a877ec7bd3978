"""Two real servers of llama-cpp-python, one of them killed in mid-stream, under each mid-stream policy. Run by hand.

    python -m venv ~/llama && ~/llama/bin/pip install "llama-cpp-python[server]" gguf     # compiles for some minutes
    python tests/peers/llama_servers.py ~/llama/bin/python                                 # with the project's Python

The model has random weights and some hundred tokens; at temperature 0 it says the same nonsense each time. So an answer
that was gone on with can be compared with one that was not disturbed: `equal`, or `safe`, an error and a beginning of
that text. Anything else is `wrong`, and to be seen only where the target claims that its server goes on from a prefill,
which this one does not. What was seen stands in docs/continuing.md.
"""

import asyncio
import random
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.request import urlopen

SEED = 12
EMBEDDING, FEED_FORWARD, HEADS, LAYERS, CONTEXT = 1024, 2816, 16, 8, 1024
"""Large enough for some milliseconds a token, so that a kill comes in mid-stream."""
MAX_TOKENS = 96
KILL_AFTER = 12
"""Deltas that were read when the first server is killed."""
PROMPT = "Say something."
UNBELIEVED: dict[str, Any] = {}
BELIEVED: dict[str, Any] = {"capabilities": {"prefill": "plain"}}
POLICIES = ((), ("continue",), ("replay",), ("ask_to_continue",), ("restart",), None)


def make_model(path: str) -> None:
    """Write a model of random weights. Needs numpy and gguf, and nothing of this project."""
    import gguf
    import numpy as np

    rng = np.random.default_rng(SEED)
    syllables = random.Random(SEED)
    words = {
        "▁" + "".join(syllables.choice("bdfklmnprst") + syllables.choice("aeiou") for _ in range(size))
        for size in (1, 2, 3) * 60
    }
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *sorted(words)]
    kinds = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 2, *[gguf.TokenType.BYTE] * 256]
    kinds += [gguf.TokenType.NORMAL] * (len(tokens) - len(kinds))

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(EMBEDDING)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(EMBEDDING // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([-float(place) for place in range(len(tokens))])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)

    def weights(*shape: int, scale: float = 0.05) -> Any:
        return (rng.standard_normal(shape) * scale).astype(np.float32)

    output = weights(len(tokens), EMBEDDING, scale=1.0)
    output[: 3 + 256] = 0.0  # control and byte tokens are hardly ever the likeliest
    writer.add_tensor("token_embd.weight", weights(len(tokens), EMBEDDING, scale=1.0))
    writer.add_tensor("output_norm.weight", np.ones(EMBEDDING, np.float32))
    writer.add_tensor("output.weight", output)
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(EMBEDDING, np.float32))
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", weights(EMBEDDING, EMBEDDING))
        writer.add_tensor(f"blk.{layer}.ffn_gate.weight", weights(FEED_FORWARD, EMBEDDING))
        writer.add_tensor(f"blk.{layer}.ffn_up.weight", weights(FEED_FORWARD, EMBEDDING))
        writer.add_tensor(f"blk.{layer}.ffn_down.weight", weights(EMBEDDING, FEED_FORWARD))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class Server:
    """One server with the model."""

    def __init__(self, python: str, model: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [python, "-m", "llama_cpp.server", "--model", model, "--chat_format", "chatml"]
        command += ["--n_ctx", str(CONTEXT), "--n_threads", "1", "--n_threads_batch", "1", "--seed", str(SEED)]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def ready(self) -> "Server":
        for _ in range(600):
            assert self.process.poll() is None, "the server has ended"
            try:
                await asyncio.to_thread(urlopen, f"{self.base_url}/models", timeout=1)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return self
        raise TimeoutError("the server does not answer")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


async def case(python: str, model: str, second: Server, policies: Any, about: dict[str, Any]) -> tuple[str, str]:
    """The result of one call after its first server was killed: `equal`, `safe`, or `wrong`, and how."""
    from standby import Config, HandedOver, Restarted, Route, Router, StreamInterrupted, Target, TextDelta

    first = await Server(python, model).ready()
    targets = tuple(
        Target("llamacpp", model="tiny", name=name, base_url=server.base_url, **about)
        for name, server in (("first", first), ("second", second))
    )
    route = Route(targets) if policies is None else Route(targets, mid_stream=policies)
    options: Any = {"temperature": 0.0, "max_tokens": MAX_TOKENS, "seed": SEED}
    try:
        async with Router(Config(routes={"r": route})) as router:
            whole = (await router.complete(PROMPT, targets=[targets[1]], **options)).text
            text, how, deltas = "", "no switch", 0
            async with router.stream(PROMPT, route="r", **options) as stream:
                try:
                    async for event in stream:
                        match event:
                            case TextDelta():
                                text, deltas = text + event.text, deltas + 1
                                if deltas == KILL_AFTER:
                                    first.kill()
                            case Restarted():
                                text, how = "", "`restart`"
                            case HandedOver():
                                how = f"`{event.policy}`"
                            case _:
                                pass
                except StreamInterrupted as error:
                    if error.partial != text or not whole.startswith(text):
                        return "wrong", f"a partial text that is none: {error.partial!r} of {whole!r}"
                    attempts = [f"`{attempt.why}`: {attempt.detail}" for attempt in error.report.attempts[1:]]
                    return "safe", f"`{error.kind}`" + (f"; {', '.join(attempts)}" if attempts else "")
            assert how != "no switch", "the answer was whole before the server was killed: make the model larger"
            return ("equal" if text == whole else "wrong"), how
    finally:
        first.kill()


async def play(python: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        model = f"{folder}/tiny.gguf"
        await asyncio.to_thread(subprocess.run, [python, __file__, "model", model], check=True)
        second = await Server(python, model).ready()
        harmed = 0
        sys.stdout.write("| `mid_stream` | the target says | outcome | how |\n|---|---|---|---|\n")
        try:
            for about, says in ((UNBELIEVED, "nothing"), (BELIEVED, "`prefill: plain`, wrongly")):
                for policies in POLICIES:
                    named = "the default" if policies is None else ", ".join(f"`{name}`" for name in policies) or "none"
                    outcome, how = await case(python, model, second, policies, about)
                    harmed += outcome == "wrong" and about is UNBELIEVED
                    sys.stdout.write(f"| {named} | {says} | {outcome} | {how} |\n")
                    sys.stdout.flush()
        finally:
            second.kill()
    return 1 if harmed else 0


if __name__ == "__main__":
    if sys.argv[1] == "model":
        make_model(sys.argv[2])
    else:
        sys.exit(asyncio.run(play(str(Path(sys.argv[1]).absolute()))))
