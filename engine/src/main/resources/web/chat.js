// The conversation: what was said, and one request at a time.

import { Refused, streamChat } from './api.js';
import { byId, element } from './dom.js';
import { Answer, errorMessage, resultForm, toolResult, userMessage } from './message.js';
import { askForKey, EXAMPLE_TOOLS, requestFields, setTools, systemPrompt } from './settings.js';

const SUGGESTIONS = [
  { text: 'What is 37 * 46?' },
  { text: 'How many r\'s are in strawberry?' },
  { text: 'Extract name, city as JSON: Priya is 31 years old, lives in Tokyo and works as a pilot.' },
  { text: 'How is the weather in Oslo today?', label: 'How is the weather in Oslo today? (with a tool)', tools: EXAMPLE_TOOLS },
];

const log = byId('log');
const question = byId('question');
let messages = [];
let running = null; // the AbortController of the request in flight

export function startChat() {
  byId('suggestions').append(...SUGGESTIONS.map((suggestion) => element('button', {
    type: 'button',
    class: 'suggestion',
    onclick: () => {
      if (suggestion.tools) {
        setTools(suggestion.tools);
      }
      ask(suggestion.text);
    },
  }, suggestion.label ?? suggestion.text)));
  byId('composer').addEventListener('submit', (event) => {
    event.preventDefault();
    ask(question.value);
  });
  question.addEventListener('input', grow);
  question.addEventListener('keydown', (event) => {
    // A key pressed while an input method composes a character belongs to that character.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      ask(question.value);
    }
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      running?.abort();
    }
  });
  byId('stop').addEventListener('click', () => running?.abort());
  byId('new-chat').addEventListener('click', clear);
  log.addEventListener('grown', stayAtEnd);
  if (location.hash !== '#live') {
    question.focus();
  }
}

function ask(text) {
  if (running || text.trim() === '') {
    return;
  }
  log.querySelector('.results')?.remove();
  dropFailure();
  say({ role: 'user', content: text.trim() }, userMessage(text.trim()));
  question.value = '';
  grow();
  answer();
}

function say(message, shown) {
  byId('empty').hidden = true;
  byId('new-chat').hidden = false;
  messages.push(message);
  log.append(shown);
}

async function answer() {
  const shown = new Answer();
  let fields;
  try {
    fields = requestFields();
  } catch (e) {
    fail(e);
    return;
  }
  running = new AbortController();
  show(running);
  log.append(shown.root);
  log.scrollTop = log.scrollHeight;
  const system = systemPrompt();
  const body = {
    ...fields,
    messages: system ? [{ role: 'system', content: system }, ...messages] : messages,
    stream: true,
    stream_options: { include_usage: true },
  };
  try {
    for await (const chunk of streamChat(body, running.signal)) {
      shown.add(chunk);
    }
    end(shown, null);
  } catch (e) {
    if (running.signal.aborted) {
      end(shown, 'Stopped');
    } else {
      if (shown.isEmpty) {
        shown.root.remove();
      } else {
        end(shown, 'Broken off');
      }
      fail(e);
    }
  } finally {
    running = null;
    show(null);
  }
}

function end(shown, ended) {
  shown.finish(ended);
  if (!shown.isEmpty) {
    messages.push(shown.message());
  }
  if (ended === null && shown.finishReason === 'tool_calls') {
    shown.root.append(resultForm(shown.calls, (results) => sendResults(shown.calls, results)));
  } else {
    log.querySelector('.again')?.remove();
    shown.foot.append(element('button', { type: 'button', class: 'quiet small again', onclick: () => again(shown) }, 'Ask again'));
  }
  byId('status').textContent = ended ?? 'The answer is there.';
  stayAtEnd();
}

/** Takes an answer back and asks for another. */
function again(shown) {
  if (running) {
    return;
  }
  if (messages.at(-1).role === 'assistant') {
    messages.pop();
  }
  dropFailure();
  shown.root.remove();
  answer();
}

function sendResults(calls, results) {
  calls.forEach((call, i) => say(
    { role: 'tool', tool_call_id: call.id, content: results[i] }, toolResult(call.function.name, results[i])));
  answer();
}

function fail(error) {
  const text = error instanceof Refused || error instanceof SyntaxError
    ? error.message
    : 'The server cannot be reached: is it still running?';
  log.append(errorMessage(text, () => {
    dropFailure();
    answer();
  }));
  log.scrollTop = log.scrollHeight;
  if (error.status === 401) {
    askForKey();
  }
}

function dropFailure() {
  log.querySelectorAll('.failed').forEach((failed) => failed.remove());
}

function clear() {
  running?.abort();
  messages = [];
  log.querySelectorAll('.turn').forEach((turn) => turn.remove());
  byId('empty').hidden = false;
  byId('new-chat').hidden = true;
  question.focus();
}

function show(request) {
  byId('send').hidden = request !== null;
  byId('stop').hidden = request === null;
  if (request) {
    byId('status').textContent = 'The model answers.';
  }
}

/** Follows the answer, unless the reader has scrolled up. */
function stayAtEnd() {
  if (log.scrollHeight - log.scrollTop - log.clientHeight < 120) {
    log.scrollTop = log.scrollHeight;
  }
}

function grow() {
  question.style.height = 'auto';
  question.style.height = `${question.scrollHeight}px`;
}
