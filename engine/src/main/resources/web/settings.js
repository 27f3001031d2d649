// The panel of settings: what of them a request carries, and keeping them in this browser.

import { apiKey, get } from './api.js';
import { byId } from './dom.js';

const STORE = 'fathom.settings';
const TEXT_FIELDS = ['system', 'temperature', 'top-p', 'max-tokens', 'tools'];
const WIDE = matchMedia('(min-width: 60rem)');

export const EXAMPLE_TOOLS = [{
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Get the current weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}];

const panel = byId('settings');
const toggle = byId('settings-toggle');

/** @param onKey called when the key may have changed */
export function startSettings(onKey) {
  restore();
  panel.addEventListener('input', keep);
  byId('tools').addEventListener('input', checkTools);
  byId('api-key').value = apiKey.get();
  byId('api-key').addEventListener('change', () => {
    apiKey.set(byId('api-key').value.trim());
    onKey();
  });
  byId('tools-example').addEventListener('click', () => setTools(EXAMPLE_TOOLS));
  byId('settings-reset').addEventListener('click', () => {
    localStorage.removeItem(STORE);
    restore();
  });
  toggle.addEventListener('click', () => show(panel.hidden));
  byId('settings-close').addEventListener('click', () => show(false));
  panel.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      show(false);
    }
  });
  if (WIDE.matches) {
    show(true, false);
  }
}

export async function loadModels() {
  const { data } = await get('v1/models');
  byId('model').replaceChildren(...data.map((model) => new Option(model.id)));
  byId('model-name').textContent = data[0].id;
}

export function askForKey() {
  byId('key-field').hidden = false;
  show(true, false);
  byId('api-key').focus();
}

export function setTools(tools) {
  byId('tools').value = JSON.stringify(tools, null, 2);
  checkTools();
  keep();
}

/**
 * The fields of a chat request that the panel decides; what is left open is left to the server.
 *
 * @throws SyntaxError with a sentence if the tools are no JSON list
 */
export function requestFields() {
  const fields = { model: byId('model').value || 'default' };
  for (const [id, name] of [['temperature', 'temperature'], ['top-p', 'top_p'], ['max-tokens', 'max_completion_tokens']]) {
    if (byId(id).value !== '') {
      fields[name] = Number(byId(id).value);
    }
  }
  if (thinking() !== 'default') {
    fields.chat_template_kwargs = { thinking: thinking() === 'on', enable_thinking: thinking() === 'on' };
  }
  const tools = readTools();
  return tools.length > 0 ? { ...fields, tools } : fields;
}

export const systemPrompt = () => byId('system').value.trim();

const thinking = () => document.querySelector('input[name=thinking]:checked').value;

function readTools() {
  const text = byId('tools').value.trim();
  if (text === '') {
    return [];
  }
  let tools;
  try {
    tools = JSON.parse(text);
  } catch (e) {
    throw new SyntaxError(`The tools are not valid JSON: ${e.message}.`);
  }
  if (!Array.isArray(tools)) {
    throw new SyntaxError('The tools must be a JSON list, as OpenAI’s API has it.');
  }
  return tools;
}

function checkTools() {
  const note = byId('tools-note');
  try {
    const tools = readTools();
    note.textContent = tools.map((tool) => tool?.function?.name ?? '?').join(', ');
    note.classList.remove('bad');
  } catch (e) {
    note.textContent = e.message;
    note.classList.add('bad');
  }
}

function show(open, focus = true) {
  panel.hidden = !open;
  toggle.setAttribute('aria-expanded', String(open));
  if (focus) {
    (open ? byId('settings-close') : toggle).focus();
  }
}

function keep() {
  const kept = Object.fromEntries(TEXT_FIELDS.map((id) => [id, byId(id).value]));
  localStorage.setItem(STORE, JSON.stringify({ ...kept, thinking: thinking() }));
}

function restore() {
  const kept = JSON.parse(localStorage.getItem(STORE) ?? '{}');
  for (const id of TEXT_FIELDS) {
    byId(id).value = kept[id] ?? '';
  }
  document.querySelector(`input[name=thinking][value=${kept.thinking ?? 'default'}]`).checked = true;
  checkTools();
}
