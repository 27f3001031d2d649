// Shows openapi.json as a list of routes that unfold.

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function marked(name, mark, text) {
  const made = element(name, text);
  made.className = mark;
  return made;
}

/** A schema as a person reads it: names with types, those that must be given marked by an asterisk. */
function described(schema, all, depth = 0) {
  if (schema.$ref) return described(all[schema.$ref.split("/").pop()], all, depth);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map((one) => described(one, all, depth)))].join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${described(schema.items ?? {}, all, depth)}`;
  if (schema.type !== "object" || !schema.properties || depth > 3) return schema.type ?? "anything";
  const indent = "  ".repeat(depth + 1);
  const lines = Object.entries(schema.properties).map(([name, one]) => {
    const must = schema.required?.includes(name) ? "*" : "";
    const bounds = [["≥", one.minimum], ["≤", one.maximum]].filter(([, bound]) => bound !== undefined).map((pair) => pair.join(" "));
    const words = [bounds.join(" "), one.description].filter(Boolean).join("; ");
    return `${indent}${name}${must}: ${described(one, all, depth + 1)}${words ? `   (${words})` : ""}`;
  });
  return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
}

function route(method, path, operation, all) {
  const title = element("summary", "", marked("span", "method", method.toUpperCase()), path + " ", marked("span", "faint", operation.summary));
  const body = element("details", "", title);
  if (operation.description) body.append(element("p", operation.description));
  const request = operation.requestBody?.content["application/json"]?.schema;
  if (request) body.append(element("p", "Request"), element("pre", described(request, all)));
  for (const [status, answer] of Object.entries(operation.responses)) {
    for (const [kind, content] of Object.entries(answer.content ?? { "": {} })) {
      body.append(element("p", `${status} ${kind} ${answer.description}`));
      if (content.schema && Number(status) < 400) body.append(element("pre", described(content.schema, all)));
    }
  }
  return body;
}

const spec = await (await fetch("openapi.json")).json();
const place = document.getElementById("routes");
for (const tag of spec.tags) {
  place.append(element("h2", tag.name));
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.tags?.[0] === tag.name) place.append(route(method, path, operation, spec.components.schemas));
    }
  }
}
