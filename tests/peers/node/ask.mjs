// Asks by the SDKs of Node: reads a list of questions as JSON from standard input, and writes what each was told.
//
// A question: {client, url, model, way, tools, ask}. What is told: all that the answer says, or the error that was raised.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";

globalThis.AI_SDK_LOG_WARNINGS = false; // it would write them between the answers

const KEY = "key-12345678";
const SCHEMA = { type: "object", properties: { a: { type: "integer" } }, additionalProperties: false };
const NAMES = ["look", "read"];
const TURN = [{ role: "user", content: "Go." }];

const openai = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 });
const anthropic = (url) => new Anthropic({ baseURL: url, apiKey: KEY, maxRetries: 0 });

async function chat({ url, model, way, tools }) {
  const ask = { model, messages: TURN };
  if (tools) ask.tools = NAMES.map((name) => ({ type: "function", function: { name, parameters: SCHEMA } }));
  const { completions } = openai(url).chat;
  if (way === "whole") return completions.create(ask);
  return completions.stream({ ...ask, stream_options: { include_usage: true } }).finalChatCompletion();
}

async function responses({ url, model, way, tools }) {
  const ask = { model, input: "Go.", store: false };
  if (tools) ask.tools = NAMES.map((name) => ({ type: "function", name, parameters: SCHEMA, strict: false }));
  const { responses } = openai(url);
  return way === "whole" ? responses.create(ask) : responses.stream(ask).finalResponse();
}

async function messages({ url, model, way, tools }) {
  const ask = { model, max_tokens: 99, messages: TURN };
  if (tools) ask.tools = NAMES.map((name) => ({ name, input_schema: SCHEMA }));
  const { messages } = anthropic(url);
  return way === "whole" ? messages.create(ask) : messages.stream(ask).finalMessage();
}

// The tools that a loop runs: each is told what it was asked.
const loop = (asked) =>
  Object.fromEntries(NAMES.map((name) => [name, async (input) => (asked.push([name, input]), "white")]));

async function chatLoop({ url, model }) {
  const asked = [];
  const run = loop(asked);
  const tools = NAMES.map((name) => ({
    type: "function",
    function: { name, description: name, parameters: SCHEMA, parse: JSON.parse, function: run[name] },
  }));
  const runner = openai(url).chat.completions.runTools({ model, messages: TURN, tools, stream: true });
  return { text: await runner.finalContent(), asked };
}

async function messagesLoop({ url, model }) {
  const asked = [];
  const run = loop(asked);
  const tools = NAMES.map((name) => ({ name, input_schema: SCHEMA, run: run[name], parse: (input) => input }));
  const runner = anthropic(url).beta.messages.toolRunner({ model, max_tokens: 99, messages: TURN, tools });
  const message = await runner.runUntilDone();
  return { text: message.content.map((block) => block.text ?? "").join(""), asked };
}

const MODELS = {
  "ai-chat": (url, model) => createOpenAI({ baseURL: `${url}/v1`, apiKey: KEY }).chat(model),
  "ai-responses": (url, model) => createOpenAI({ baseURL: `${url}/v1`, apiKey: KEY }).responses(model),
  "ai-compatible": (url, model) =>
    createOpenAICompatible({
      baseURL: `${url}/v1`,
      apiKey: KEY,
      name: "gateway",
      includeUsage: true,
      supportsStructuredOutputs: true,
    }).chatModel(model),
  "ai-anthropic": (url, model) => createAnthropic({ baseURL: `${url}/v1`, apiKey: KEY })(model),
};
const SETTINGS = { "ai-responses": { openai: { store: false, include: ["reasoning.encrypted_content"] } } };

function settings({ client, url, model, tools }, run) {
  const about = (name) => ({ description: name, inputSchema: jsonSchema(SCHEMA), ...(run && { execute: run[name] }) });
  return {
    model: MODELS[client](url, model),
    messages: TURN,
    maxRetries: 0,
    maxOutputTokens: 99,
    providerOptions: SETTINGS[client],
    onError: () => {},
    ...(tools && { tools: Object.fromEntries(NAMES.map((name) => [name, tool(about(name))])) }),
  };
}

async function vercel(question) {
  const ask = settings(question);
  if (question.way === "whole") return read(await generateText(ask));
  const stream = streamText(ask);
  let streamed = "";
  for await (const part of stream.fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") streamed += part.text;
  }
  const told = await read(stream);
  if (told.text !== streamed) throw new Error(`streamed ${streamed}, and then said ${told.text}`);
  return told;
}

async function read(answer) {
  return {
    text: await answer.text,
    reasoning: await answer.reasoningText,
    calls: (await answer.toolCalls).map(({ toolCallId, toolName, input }) => [toolCallId, toolName, input]),
    finish: await answer.finishReason,
    usage: await answer.usage,
  };
}

async function vercelLoop(question) {
  const asked = [];
  const ask = { ...settings({ ...question, tools: true }, loop(asked)), stopWhen: stepCountIs(3) };
  if (question.way === "whole") return { text: (await generateText(ask)).text, asked };
  const stream = streamText(ask);
  for await (const part of stream.fullStream) if (part.type === "error") throw part.error;
  return { text: await stream.text, asked };
}

// An answer of a form, streamed or whole.
async function vercelForm(question) {
  const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
  const output = Output.object({ schema: jsonSchema({ ...schema, additionalProperties: false }) });
  const ask = { ...settings(question), output };
  if (question.way === "whole") return (await generateText(ask)).output;
  const stream = streamText(ask);
  for await (const part of stream.fullStream) if (part.type === "error") throw part.error;
  return stream.output;
}

const CLIENTS = { chat, responses, messages, "chat-loop": chatLoop, "messages-loop": messagesLoop };

const ask = (question) => {
  if (question.client in CLIENTS) return CLIENTS[question.client](question);
  if (question.form) return vercelForm(question);
  return question.loop ? vercelLoop(question) : vercel(question);
};

// What a program may look at, of an error.
const failed = (error) => ({
  kind: error.constructor.name,
  status: error.status ?? error.statusCode ?? null,
  message: error.message,
  code: error.code ?? error.data?.error?.code ?? null,
  type: error.type ?? error.data?.error?.type ?? null,
  param: error.param ?? null,
});

let input = "";
for await (const piece of process.stdin) input += piece;
const told = [];
for (const question of JSON.parse(input)) {
  try {
    told.push({ told: await ask(question) });
  } catch (error) {
    told.push({ failed: failed(error) });
  }
}
process.stdout.write(JSON.stringify(told));
