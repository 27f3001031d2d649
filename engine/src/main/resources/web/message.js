// What one turn of a conversation looks like, and how an answer grows while it is streamed.

import { copyButton, element } from './dom.js';
import { codeBlock, showMarkdown } from './markdown.js';

export function userMessage(text) {
  return element('article', { class: 'turn user', 'aria-label': 'You' }, element('div', { class: 'said' }, text));
}

export function toolResult(name, text) {
  return element('article', { class: 'turn user', 'aria-label': `Result of ${name}` },
    element('div', { class: 'said' }, element('span', { class: 'faint' }, `${name} → `), text));
}

export function errorMessage(text, onRetry) {
  return element('article', { class: 'turn failed', role: 'alert' }, element('p', {}, text),
    element('button', { type: 'button', class: 'quiet small', onclick: onRetry }, 'Try again'));
}

/** An answer: what has arrived of it so far, and its element. */
export class Answer {
  reasoning = '';
  content = '';
  calls = [];
  finishReason = null;
  usage = null;
  #began = performance.now();
  #firstAt = null;
  #contentAt = null;
  #drawing = false;

  constructor() {
    this.summary = element('summary', {}, 'Thinking');
    this.thoughts = element('div', { class: 'thoughts prose' });
    this.thinking = element('details', { class: 'thinking', hidden: true }, this.summary, this.thoughts);
    this.body = element('div', { class: 'prose' });
    this.tools = element('div', { class: 'calls' });
    this.foot = element('footer', { class: 'foot' });
    this.root = element('article', { class: 'turn answer', 'aria-label': 'Answer', 'aria-busy': 'true' },
      this.thinking, this.body, this.tools, element('span', { class: 'waiting', 'aria-hidden': 'true' }), this.foot);
  }

  add(chunk) {
    this.usage = chunk.usage ?? this.usage;
    const choice = chunk.choices[0];
    if (!choice) {
      return;
    }
    const { reasoning_content: reasoning, content, tool_calls: calls = [] } = choice.delta;
    this.reasoning += reasoning ?? '';
    this.content += content ?? '';
    calls.forEach((call) => this.#addCall(call));
    if (reasoning || content || calls.length > 0) {
      this.#firstAt ??= performance.now();
    }
    if (content || calls.length > 0) {
      this.#contentAt ??= performance.now();
    }
    this.finishReason = choice.finish_reason ?? this.finishReason;
    this.#drawSoon();
  }

  /** @param ended null if the answer ended by itself, else what ended it */
  finish(ended) {
    this.#draw();
    this.root.setAttribute('aria-busy', 'false');
    this.root.classList.add('done');
    this.foot.replaceChildren(element('span', {}, this.#figures(ended)));
    if (this.content) {
      this.foot.append(copyButton(() => this.content, 'answer'));
    }
  }

  /** As the next request carries it. */
  message() {
    const message = { role: 'assistant', content: this.content };
    return this.calls.length > 0 ? { ...message, tool_calls: this.calls } : message;
  }

  get isEmpty() {
    return this.content === '' && this.calls.length === 0;
  }

  #addCall(delta) {
    const call = (this.calls[delta.index] ??= { id: '', type: 'function', function: { name: '', arguments: '' } });
    call.id = delta.id ?? call.id;
    call.function.name = delta.function?.name ?? call.function.name;
    call.function.arguments += delta.function?.arguments ?? '';
  }

  /** At most once a frame, however fast the tokens come. */
  #drawSoon() {
    if (!this.#drawing) {
      this.#drawing = true;
      requestAnimationFrame(() => {
        this.#drawing = false;
        this.#draw();
      });
    }
  }

  #draw() {
    this.thinking.hidden = this.reasoning === '';
    if (this.reasoning) {
      const until = this.#contentAt ?? performance.now();
      const seconds = ((until - (this.#firstAt ?? until)) / 1000).toFixed(1);
      this.summary.textContent = this.#contentAt === null ? `Thinking · ${seconds} s` : `Thought for ${seconds} s`;
      this.thinking.classList.toggle('running', this.#contentAt === null && !this.root.classList.contains('done'));
      showMarkdown(this.thoughts, this.reasoning.trim());
    }
    showMarkdown(this.body, this.content);
    this.tools.replaceChildren(...this.calls.map(callCard));
    this.root.dispatchEvent(new CustomEvent('grown', { bubbles: true }));
  }

  #figures(ended) {
    const seconds = (performance.now() - this.#began) / 1000;
    const parts = ended ? [ended] : this.finishReason === 'length' ? ['Cut at the limit of tokens'] : [];
    if (this.usage) {
      const tokens = this.usage.completion_tokens;
      const writing = seconds - ((this.#firstAt ?? performance.now()) - this.#began) / 1000;
      parts.push(tokens === 1 ? '1 token' : `${tokens} tokens`);
      if (tokens > 1 && writing > 0.05) { // what arrives at once has no speed
        parts.push(`${((tokens - 1) / writing).toFixed(0)} tokens/s`);
      }
    }
    if (this.#firstAt !== null) {
      parts.push(`first after ${((this.#firstAt - this.#began) / 1000).toFixed(2)} s`);
    }
    return parts.join(' · ');
  }
}

function callCard(call) {
  return element('section', { class: 'call', 'aria-label': `Call of ${call.function.name}` },
    element('h3', {}, element('span', { class: 'faint' }, 'calls '), call.function.name),
    codeBlock(pretty(call.function.arguments), 'arguments'));
}

function pretty(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json; // not all of it has arrived yet
  }
}

/** Asks for what the called functions gave. @param onSend gets one text for each call */
export function resultForm(calls, onSend) {
  const inputs = calls.map((call) => element('textarea', { rows: '2', class: 'code', spellcheck: 'false', required: true,
    'aria-label': `Result of ${call.function.name}`, placeholder: `What ${call.function.name} gives` }));
  const form = element('form', { class: 'results' }, ...inputs,
    element('button', { type: 'submit', class: 'send' }, inputs.length > 1 ? 'Send results' : 'Send result'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    form.remove();
    onSend(inputs.map((input) => input.value));
  });
  return form;
}
