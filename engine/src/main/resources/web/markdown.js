// Markdown to elements. A model's text becomes text nodes and a fixed set of elements, never HTML; links lead to http, https
// and mailto only. Every scan moves forward: odd text costs no more than plain text.

import { copyButton, element } from './dom.js';

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^\s`]*)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?: +|$)/;
const DIVIDER = /^ *\|?[ :|-]*-[ :|-]*$/;
const DEEPEST = 12; // levels of quotes, lists and emphasis
const LONGEST_LINK = 4000; // characters

/** Shows text in host, which may already show the beginning of it: blocks that have not changed stay as they are. */
export function showMarkdown(host, text) {
  const wanted = blocks(text.replaceAll('\r\n', '\n').replaceAll('\t', '    ').split('\n'));
  const shown = host.shownBlocks ?? [];
  let same = 0;
  while (same < wanted.length && same < shown.length && wanted[same].source === shown[same]) {
    same++;
  }
  while (host.childNodes.length > same) {
    host.lastChild.remove();
  }
  host.append(...wanted.slice(same).map((block) => block.make(0)));
  host.shownBlocks = wanted.map((block) => block.source);
}

/** Lines to blocks: source is what they were made of, make(depth) makes the element. */
function blocks(lines) {
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === '') {
      at++;
      continue;
    }
    const [end, make] = block(lines, at);
    found.push({ source: lines.slice(at, end).join('\n'), make });
    at = end;
  }
  return found;
}

/** The block at a line: the line after its end, and how to make it. */
function block(lines, at) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) {
    return fenced(lines, at, fence);
  }
  const heading = HEADING.exec(line);
  if (heading) {
    // The page has an h1 and h2 of its own.
    return [at + 1, () => element(`h${Math.min(6, heading[1].length + 2)}`, {}, ...inline(heading[2], 0))];
  }
  if (RULE.test(line)) {
    return [at + 1, () => element('hr')];
  }
  if (QUOTE.test(line)) {
    const end = lines.findIndex((other, i) => i > at && !QUOTE.test(other));
    const to = end < 0 ? lines.length : end;
    const inner = lines.slice(at, to).map((quoted) => quoted.replace(QUOTE, ''));
    return [to, (depth) => nested('blockquote', inner, depth)];
  }
  if (ITEM.test(line)) {
    return list(lines, at);
  }
  if (line.includes('|') && at + 1 < lines.length && DIVIDER.test(lines[at + 1]) && lines[at + 1].includes('|')) {
    return table(lines, at);
  }
  let end = at + 1;
  while (end < lines.length && lines[end].trim() !== '' && !interrupts(lines[end])) {
    end++;
  }
  const text = lines.slice(at, end).map((part) => part.trim()).join('\n');
  return [end, () => element('p', {}, ...inline(text, 0))];
}

const interrupts = (line) => [FENCE, HEADING, RULE, QUOTE, ITEM].some((pattern) => pattern.test(line));

function nested(name, lines, depth) {
  const host = element(name);
  if (depth >= DEEPEST) {
    host.append(lines.join('\n'));
  } else {
    host.append(...blocks(lines).map((inner) => inner.make(depth + 1)));
  }
  return host;
}

function fenced(lines, at, fence) {
  let end = at + 1;
  while (end < lines.length && !(lines[end].trim().startsWith(fence[1]) && /^[`~]+$/.test(lines[end].trim()))) {
    end++;
  }
  const code = lines.slice(at + 1, end).join('\n');
  return [Math.min(end + 1, lines.length), () => codeBlock(code, fence[2])];
}

export function codeBlock(code, language) {
  return element('figure', { class: 'codeblock' },
    element('figcaption', {}, element('span', {}, language), copyButton(() => code, 'code')),
    element('pre', { tabindex: '0' }, element('code', {}, code)));
}

function list(lines, at) {
  const indent = ITEM.exec(lines[at])[1].length;
  const ordered = /\d/.test(ITEM.exec(lines[at])[2]);
  const items = [];
  let end = at;
  for (; end < lines.length; end++) {
    const line = lines[end];
    const item = ITEM.exec(line);
    const depth = line.length - line.trimStart().length;
    if (item && item[1].length < indent + 2) {
      if (/\d/.test(item[2]) !== ordered || item[1].length < indent) {
        break;
      }
      items.push([line.slice(item[0].length)]);
    } else if (line.trim() === '') {
      const next = lines.slice(end + 1, end + 2)[0];
      if (next === undefined || !(ITEM.test(next) || /^ {2,}\S/.test(next))) {
        break;
      }
      items.at(-1).push('');
    } else if (depth > indent || !interrupts(line)) {
      items.at(-1).push(line.slice(Math.min(depth, indent + 2)));
    } else {
      break;
    }
  }
  const start = ordered ? Number.parseInt(ITEM.exec(lines[at])[2], 10) : 1;
  return [end, (depth) => element(ordered ? 'ol' : 'ul', start === 1 ? {} : { start: String(start) },
    ...items.map((item) => listItem(item, depth)))];
}

/** One paragraph and what hangs below it needs no p. */
function listItem(lines, depth) {
  const item = nested('li', lines, depth);
  if (item.firstElementChild?.tagName === 'P' && item.querySelectorAll(':scope > p').length === 1) {
    item.firstElementChild.replaceWith(...item.firstElementChild.childNodes);
  }
  return item;
}

function table(lines, at) {
  let end = at + 2;
  while (end < lines.length && lines[end].includes('|')) {
    end++;
  }
  const sides = cells(lines[at + 1]).map((rule) => (rule.endsWith(':') ? (rule.startsWith(':') ? 'mid' : 'end') : 'start'));
  const row = (line, name) => element('tr', {},
    ...cells(line).slice(0, sides.length).map((cell, i) => element(name, { class: sides[i] }, ...inline(cell, 0))));
  return [end, () => element('div', { class: 'wide', tabindex: '0' }, element('table', {},
    element('thead', {}, row(lines[at], 'th')),
    element('tbody', {}, ...lines.slice(at + 2, end).map((line) => row(line, 'td')))))];
}

const cells = (line) => line.trim().replace(/^\|/, '').replace(/\|$/, '').split('|').map((cell) => cell.trim());

/** Text of a block to nodes. */
function inline(text, depth) {
  const out = [];
  const missing = new Set(); // closing marks that do not come any more
  let plain = '';
  let at = 0;
  const put = (node, to) => {
    if (plain) {
      out.push(plain);
    }
    plain = '';
    out.push(node);
    at = to;
  };
  while (at < text.length) {
    const found = depth < DEEPEST ? span(text, at, depth, missing) : null;
    if (found) {
      put(...found);
    } else if (text[at] === '\\' && /[\\`*_{}[\]()#+\-.!~|<>$]/.test(text[at + 1] ?? '')) {
      plain += text[at + 1];
      at += 2;
    } else {
      const run = markRun(text, at);
      plain += text.slice(at, at + run);
      at += run;
    }
  }
  return plain ? [...out, plain] : out;
}

/** Marks that open nothing are passed over as a whole. */
function markRun(text, at) {
  let end = at + 1;
  if ('*_~`'.includes(text[at])) {
    while (text[end] === text[at]) {
      end++;
    }
  }
  return end - at;
}

/** The element that begins at a character and the character after it, or null. */
function span(text, at, depth, missing) {
  switch (text[at]) {
    case '\n':
      return [element('br'), at + 1];
    case '`':
      return codeSpan(text, at, missing);
    case '*':
    case '_':
    case '~':
      return emphasis(text, at, depth, missing);
    case '[':
      return link(text, at, depth, missing);
    case 'h':
      return address(text, at);
    default:
      return null;
  }
}

function find(text, mark, from, missing) {
  const at = missing.has(mark) ? -1 : text.indexOf(mark, from);
  if (at < 0) {
    missing.add(mark);
  }
  return at;
}

function codeSpan(text, at, missing) {
  const mark = '`'.repeat(markRun(text, at));
  const end = find(text, mark, at + mark.length, missing);
  return end < 0 ? null : [element('code', {}, text.slice(at + mark.length, end).trim()), end + mark.length];
}

function emphasis(text, at, depth, missing) {
  const run = Math.min(markRun(text, at), 2);
  const mark = text[at].repeat(run);
  const whole = mark !== '**' && mark !== '~~'; // snake_case and 3*4*5 are no emphasis
  const inWord = whole && /\w/.test(text[at - 1] ?? ' ');
  if (inWord || /\s/.test(text[at + run] ?? ' ') || mark === '~') {
    return null;
  }
  const end = find(text, mark, at + run + 1, missing);
  if (end < 0 || /\s/.test(text[end - 1]) || (whole && /\w/.test(text[end + run] ?? ' '))) {
    return null;
  }
  const name = run === 1 ? 'em' : text[at] === '~' ? 'del' : 'strong';
  return [element(name, {}, ...inline(text.slice(at + run, end), depth + 1)), end + run];
}

function link(text, at, depth, missing) {
  const middle = find(text, '](', at, missing);
  const end = middle < 0 || middle - at > LONGEST_LINK ? -1 : closing(text, middle + 2);
  if (end < 0 || text.slice(at + 1, middle).includes('[')) {
    return null;
  }
  const target = safe(text.slice(middle + 2, end).trim().split(/\s/)[0]);
  const inner = inline(text.slice(at + 1, middle), depth + 1);
  return [target ? anchor(target, inner) : element('span', {}, ...inner), end + 1];
}

/** The parenthesis that closes a link's address, which may have pairs of its own; -1 if there is none. */
function closing(text, from) {
  let open = 1;
  for (let at = from; at < text.length && at - from < LONGEST_LINK; at++) {
    open += text[at] === '(' ? 1 : text[at] === ')' ? -1 : 0;
    if (open === 0) {
      return at;
    }
  }
  return -1;
}

function address(text, at) {
  if (/\w/.test(text[at - 1] ?? ' ') || !(text.startsWith('http://', at) || text.startsWith('https://', at))) {
    return null;
  }
  let end = at;
  while (end < text.length && !/[\s<>"'`*|)\]]/.test(text[end])) {
    end++;
  }
  while (/[.,;:!?]/.test(text[end - 1])) {
    end--;
  }
  const target = safe(text.slice(at, end));
  return target ? [anchor(target, [text.slice(at, end)]), end] : null;
}

function safe(target) {
  try {
    const url = new URL(target);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

const anchor = (target, inner) => element('a', { href: target, target: '_blank', rel: 'noopener noreferrer' }, ...inner);
