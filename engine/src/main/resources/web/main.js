// Puts the page together.

import { Refused } from './api.js';
import { startChat } from './chat.js';
import { byId } from './dom.js';
import { restartLive, startLive } from './live.js';
import { askForKey, loadModels, startSettings } from './settings.js';

const THEMES = {
  auto: ['Auto', 'as the system has them'],
  light: ['Light', 'light'],
  dark: ['Dark', 'dark'],
};

function showTheme() {
  const [name, meaning] = THEMES[document.documentElement.dataset.theme] ?? THEMES.auto;
  byId('theme-name').textContent = name;
  byId('theme').setAttribute('aria-label', `Colours: ${meaning}`);
}

function nextTheme() {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length];
  document.documentElement.dataset.theme = next;
  localStorage.setItem('fathom.theme', next);
  showTheme();
}

function showView() {
  const live = location.hash === '#live';
  byId('chat-view').hidden = live;
  byId('live-view').hidden = !live;
  document.body.classList.toggle('shows-live', live);
  for (const [tab, here] of [['tab-chat', !live], ['tab-live', live]]) {
    if (here) {
      byId(tab).setAttribute('aria-current', 'page');
    } else {
      byId(tab).removeAttribute('aria-current');
    }
  }
}

async function connect() {
  try {
    await loadModels();
    byId('key-field').hidden = byId('api-key').value === '';
    restartLive();
  } catch (e) {
    if (e instanceof Refused && e.status === 401) {
      askForKey();
    }
  }
}

byId('theme').addEventListener('click', nextTheme);
addEventListener('hashchange', showView);
showTheme();
showView();
startSettings(connect);
startChat();
startLive();
connect();
