"""Every resource beside conversations, with the official SDKs of OpenAI, Anthropic and Cohere: each function is one, and fails by an exception."""
import base64
import io
import json
import time

import anthropic
import cohere
import openai
from google import genai

from surface import RESOURCES_KEY as KEY, RESOURCES_URL as URL, TIMEOUT_S

# The scripted models of run.ts.
CHAT, EMBEDDING, MODERATION, RERANK = "openai/gpt-script", "openai/text-embedding-3-small", "openai/omni-moderation-latest", "cohere/rerank-v3.5"
SPEECH, TRANSCRIPTION, IMAGE, VIDEO = "openai/gpt-4o-mini-tts", "openai/whisper-1", "openai/gpt-image-script", "openrouter/google/veo-script"
CLAUDE = "anthropic/claude-script"
# Its provider streams media, and takes its time in conversations.
OWN = "selfhosted/own-script"

OPENAI = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, timeout=TIMEOUT_S)
ANTHROPIC = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0, timeout=TIMEOUT_S)
COHERE = {"v1": cohere.Client(base_url=URL, api_key=KEY, timeout=TIMEOUT_S), "v2": cohere.ClientV2(base_url=URL, api_key=KEY, timeout=TIMEOUT_S)}

GOOGLE = genai.Client(api_key=KEY, http_options=genai.types.HttpOptions(base_url=URL, timeout=TIMEOUT_S * 1000))

WAV = base64.b64decode("UklGRiQAAABXQVZFZm10IBAAAAABAAEAgD4AAAB9AAACABAAZGF0YQAAAAA=")
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
LINE = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": CHAT, "messages": [{"role": "user", "content": "Greet me."}]}}


def same(what, wanted):
    assert what == wanted, f"{what!r}, not {wanted!r}"


def until(ask, ended, seconds=60):
    """What `ask` gives once it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        told = ask()
        if ended(told):
            return told
        assert time.monotonic() < deadline, f"still {told!r}"
        time.sleep(0.2)


def embeddings():
    whole = OPENAI.embeddings.create(model=EMBEDDING, input=["a", "b"])
    same([len(one.embedding) > 0 for one in whole.data], [True, True])
    plain = OPENAI.embeddings.create(model=EMBEDDING, input="a", encoding_format="float")
    same([round(one, 4) for one in plain.data[0].embedding], [round(one, 4) for one in whole.data[0].embedding])


def moderations():
    told = OPENAI.moderations.create(model=MODERATION, input="harmless").results[0]
    same(told.flagged, False)
    same(told.categories.violence_graphic, False)


def reranks():
    for version, client in COHERE.items():
        told = client.rerank(model=RERANK, query="fruit", documents=["a car", "an apple"], top_n=1)
        same((version, [one.index for one in told.results]), (version, [1]))


def speech():
    for how in ("mp3", "wav"):
        with OPENAI.audio.speech.with_streaming_response.create(model=SPEECH, voice="alloy", input="Hello.", response_format=how) as answer:
            assert len(answer.read()) > 0, how


def transcriptions():
    same(OPENAI.audio.transcriptions.create(model=TRANSCRIPTION, file=("a.wav", WAV)).text, "Hello there.")
    same(OPENAI.audio.translations.create(model=TRANSCRIPTION, file=("a.wav", WAV)).text, "Hello there.")


def images():
    made = OPENAI.images.generate(model=IMAGE, prompt="a dot", n=1)
    same(base64.b64decode(made.data[0].b64_json), PNG)
    edited = OPENAI.images.edit(model=IMAGE, prompt="a dot", image=("a.png", PNG, "image/png"))
    same(base64.b64decode(edited.data[0].b64_json), PNG)


def image_variations():
    same(base64.b64decode(OPENAI.images.create_variation(model=OWN, image=("a.png", PNG, "image/png")).data[0].b64_json), PNG)


def streamed_speech():
    with OPENAI.audio.speech.with_streaming_response.create(model=OWN, voice="alloy", input="Hello.", stream_format="sse") as answer:
        told = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
    same(base64.b64decode("".join(event.get("audio", "") for event in told)), b"not really sound")
    same(told[-1]["type"], "speech.audio.done")


def streamed_transcription():
    told = list(OPENAI.audio.transcriptions.create(model=OWN, file=("a.wav", WAV), stream=True))
    same(("".join(event.delta for event in told[:-1]), told[-1].type, told[-1].text), ("Hello there.", "transcript.text.done", "Hello there."))


def streamed_images():
    told = list(OPENAI.images.generate(model=OWN, prompt="a dot", stream=True, partial_images=1))
    same([event.type for event in told], ["image_generation.partial_image", "image_generation.completed"])
    same({base64.b64decode(event.b64_json) for event in told}, {PNG})


def videos():
    made = OPENAI.videos.create(model=VIDEO, prompt="a dot that moves", seconds="4")
    done = until(lambda: OPENAI.videos.retrieve(made.id), lambda video: video.status in ("completed", "failed"))
    same(done.status, "completed")
    assert len(OPENAI.videos.download_content(made.id).read()) > 0
    assert made.id in [video.id for video in OPENAI.videos.list().data]
    same(OPENAI.videos.delete(made.id).deleted, True)


def files():
    kept = OPENAI.files.create(file=("lines.jsonl", b"{}\n" * 10), purpose="batch")
    same(OPENAI.files.retrieve(kept.id).bytes, 30)
    same(OPENAI.files.content(kept.id).read(), b"{}\n" * 10)
    assert kept.id in [one.id for one in OPENAI.files.list(limit=2, purpose="batch")]
    same(OPENAI.files.delete(kept.id).deleted, True)
    try:
        OPENAI.files.retrieve(kept.id)
        raise AssertionError("it is still there")
    except openai.NotFoundError:
        pass


def anthropic_files():
    kept = ANTHROPIC.beta.files.upload(file=("a.txt", b"Hello there.", "text/plain"))
    same((kept.type, kept.filename, kept.size_bytes, kept.mime_type), ("file", "a.txt", 12, "text/plain"))
    same(ANTHROPIC.beta.files.retrieve_metadata(kept.id).id, kept.id)
    same(ANTHROPIC.beta.files.download(kept.id).read(), b"Hello there.")
    assert kept.id in [one.id for one in ANTHROPIC.beta.files.list(limit=2)]
    same(ANTHROPIC.beta.files.delete(kept.id).id, kept.id)
    try:
        ANTHROPIC.beta.files.retrieve_metadata(kept.id)
        raise AssertionError("it is still there")
    except anthropic.NotFoundError:
        pass


def models():
    ids = [model.id for model in OPENAI.models.list()]
    same(OPENAI.models.retrieve(ids[0]).id, ids[0])
    page = ANTHROPIC.models.list(limit=3)
    same(([model.id for model in page.data], page.has_more), (ids[:3], True))
    same([model.id for model in ANTHROPIC.models.list(limit=1000)], ids)
    same(ANTHROPIC.models.retrieve(ids[0]).type, "model")
    named = [model.name for model in GOOGLE.models.list()]
    assert named and all(name.startswith("models/") for name in named), named[:3]
    same(GOOGLE.models.get(model=named[0]).name, named[0])


def google_embeddings():
    told = GOOGLE.models.embed_content(model=EMBEDDING, contents=["a", "b"]).embeddings
    same([[round(one, 4) for one in vector.values] for vector in told], [[0.5, -0.25, 0.125, 1]] * 2)


def uploads():
    data = bytes(range(256)) * 1000
    begun = OPENAI.uploads.create(bytes=len(data), filename="a.bin", mime_type="application/octet-stream", purpose="user_data")
    parts = [OPENAI.uploads.parts.create(begun.id, data=io.BytesIO(data[at:at + 100_000])).id for at in range(0, len(data), 100_000)]
    whole = OPENAI.uploads.complete(begun.id, part_ids=parts)
    same(whole.status, "completed")
    same(OPENAI.files.content(whole.file.id).read(), data)


def cancelled():
    begun = OPENAI.uploads.create(bytes=10, filename="a.bin", mime_type="application/octet-stream", purpose="user_data")
    same(OPENAI.uploads.cancel(begun.id).status, "cancelled")
    late = OPENAI.responses.create(model=OWN, input="Greet me.", background=True)
    same(OPENAI.responses.cancel(late.id).status, "cancelled")
    same(OPENAI.responses.retrieve(late.id).status, "cancelled")
    lines = "\n".join(json.dumps({**LINE, "custom_id": str(at), "body": {**LINE["body"], "model": OWN}}) for at in range(100))
    kept = OPENAI.files.create(file=("lines.jsonl", lines.encode()), purpose="batch")
    batch = OPENAI.batches.create(input_file_id=kept.id, endpoint="/v1/chat/completions", completion_window="24h")
    same(OPENAI.batches.cancel(batch.id).status, "cancelling")
    same(until(lambda: OPENAI.batches.retrieve(batch.id), lambda one: one.status != "cancelling").status, "cancelled")
    asked = {"model": OWN, "max_tokens": 64, "messages": [{"role": "user", "content": "Greet me."}]}
    messages = ANTHROPIC.messages.batches.create(requests=[{"custom_id": str(at), "params": asked} for at in range(100)])
    same(ANTHROPIC.messages.batches.cancel(messages.id).processing_status, "canceling")
    ended = until(lambda: ANTHROPIC.messages.batches.retrieve(messages.id), lambda one: one.processing_status == "ended")
    assert ended.request_counts.canceled > 0, ended.request_counts
    assert messages.id in [one.id for one in ANTHROPIC.messages.batches.list(limit=2)]
    same(ANTHROPIC.messages.batches.delete(messages.id).id, messages.id)


def batches():
    lines = "\n".join(json.dumps({**LINE, "custom_id": str(at)}) for at in range(5))
    kept = OPENAI.files.create(file=("lines.jsonl", lines.encode()), purpose="batch")
    begun = OPENAI.batches.create(input_file_id=kept.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"of": "tests"})
    done = until(lambda: OPENAI.batches.retrieve(begun.id), lambda batch: batch.status in ("completed", "failed", "expired"))
    same((done.status, done.request_counts.completed, done.metadata), ("completed", 5, {"of": "tests"}))
    told = [json.loads(line) for line in OPENAI.files.content(done.output_file_id).text.splitlines()]
    same(sorted(line["custom_id"] for line in told), ["0", "1", "2", "3", "4"])
    same({line["response"]["body"]["choices"][0]["message"]["content"] for line in told}, {"Hello there."})
    assert begun.id in [batch.id for batch in OPENAI.batches.list(limit=5)]


def message_batches():
    asked = {"model": CLAUDE, "max_tokens": 64, "messages": [{"role": "user", "content": "Greet me."}]}
    begun = ANTHROPIC.messages.batches.create(requests=[{"custom_id": str(at), "params": asked} for at in range(3)])
    until(lambda: ANTHROPIC.messages.batches.retrieve(begun.id), lambda batch: batch.processing_status == "ended")
    told = {line.custom_id: line.result.message.content[0].text for line in ANTHROPIC.messages.batches.results(begun.id)}
    same(told, {"0": "Hello there.", "1": "Hello there.", "2": "Hello there."})


def responses():
    for model in (CHAT, CLAUDE):
        first = OPENAI.responses.create(model=model, input="Greet me.", store=True)
        second = OPENAI.responses.create(model=model, input="Greet me.", previous_response_id=first.id, store=True)
        same((second.output_text, second.previous_response_id), ("Hello there.", first.id))
        same(OPENAI.responses.retrieve(second.id).output_text, "Hello there.")
        asked = [item.content[0].text for item in OPENAI.responses.input_items.list(second.id, order="asc") if item.role == "user"]
        same(asked[-1], "Greet me.")
        OPENAI.responses.delete(second.id)
        late = OPENAI.responses.create(model=model, input="Greet me.", background=True)
        done = until(lambda: OPENAI.responses.retrieve(late.id), lambda one: one.status not in ("queued", "in_progress"))
        same((done.status, done.output_text), ("completed", "Hello there."))


def resumed():
    events = list(OPENAI.responses.create(model=CLAUDE, input="Greet me.", background=True, stream=True))
    (identity,) = {event.response.id for event in events if event.type == "response.created"}
    again = list(OPENAI.responses.retrieve(identity, stream=True, starting_after=events[1].sequence_number))
    same([event.to_dict() for event in again], [event.to_dict() for event in events[2:]])


def conversations():
    begun = OPENAI.conversations.create(metadata={"of": "tests"}, items=[{"type": "message", "role": "user", "content": "I am Ada."}])
    told = OPENAI.responses.create(model=CLAUDE, input="Greet me.", conversation=begun.id)
    same((told.output_text, told.conversation.id), ("Hello there.", begun.id))
    same(len(list(OPENAI.conversations.items.list(begun.id, order="asc"))), 3)
    same(OPENAI.conversations.retrieve(begun.id).metadata, {"of": "tests"})
    same(OPENAI.conversations.delete(begun.id).deleted, True)


def stored_chats():
    made = OPENAI.chat.completions.create(model=CHAT, messages=[{"role": "user", "content": "Greet me."}], store=True, metadata={"of": "tests"})
    same(until(lambda: [one.id for one in OPENAI.chat.completions.list(limit=5)], lambda ids: made.id in ids, 10).count(made.id), 1)
    same(OPENAI.chat.completions.retrieve(made.id).choices[0].message.content, "Hello there.")
    same(OPENAI.chat.completions.update(made.id, metadata={"of": "others"}).metadata, {"of": "others"})
    same(OPENAI.chat.completions.delete(made.id).deleted, True)


RESOURCES = [
    embeddings, google_embeddings, moderations, reranks, speech, streamed_speech, transcriptions, streamed_transcription, images, image_variations, streamed_images,
    videos, models, files, anthropic_files, uploads, batches, message_batches, cancelled, responses, resumed, conversations, stored_chats,
]
