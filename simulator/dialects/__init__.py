"""The wires that a simulated provider can speak: one file a dialect, all pure, in one table."""

from .anthropic import anthropic
from .azure_openai import azure_openai
from .base import Dialect, Frame
from .bedrock import bedrock
from .cohere import cohere
from .gemini import gemini
from .koala import koala
from .mistral import mistral
from .ollama import ollama
from .openai import openai
from .openai_responses import openai_responses

DIALECTS: dict[str, Dialect] = {
    "anthropic": anthropic,
    "azure-openai": azure_openai,
    "bedrock": bedrock,
    "cohere": cohere,
    "gemini": gemini,
    "koala": koala,
    "mistral": mistral,
    "ollama": ollama,
    "openai": openai,
    "openai-responses": openai_responses,
}

__all__ = ["DIALECTS", "Dialect", "Frame"]
