"use strict";
// Draws, searches, filters and sorts what the page's data lists. Names and texts come from images
// and scanners: they only ever become text nodes, and links only those that were checked before.
(() => {
  const STEP = 25;
  const LISTS = ["vulnerabilities", "repositories"];
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const count = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many || one + "s"}`;

  const textOf = (number) => (number === null ? null : data.texts[number]);

  const vulnerabilities = data.vulnerabilities.map(([name, address, text, exploited, epss, related], n) => {
    const url = textOf(address), about = textOf(related);
    return { n, name, url: url.endsWith(" ") ? url.trim() + name : url, text, exploited, epss, about };
  });
  const findings = data.findings.map(([v, severity, ...rest]) => {
    const of = vulnerabilities[v];
    const [packages, installed, fix] = rest.slice(0, 3).map(textOf), [score, exploit] = rest.slice(3);
    const words = [of.name, of.about, of.text, packages].join(" ").toLowerCase();
    return { of, severity, packages, installed, fix, score, exploit, words };
  });
  // The numbers that a text of steps stands for: Base64's digits, of which the last 32 have another after them.
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  function numbers(steps) {
    const found = [];
    let number = 0, unit = 1;
    for (const digit of steps) {
      const value = DIGITS.indexOf(digit);
      number += (value % 32) * unit;
      unit *= 32;
      if (value < 32) {
        found.push(number);
        unit = 1;
      }
    }
    return found;
  }
  const repositories = data.repositories.map(([name, owned, uses, tag, day, told, groups], n) => {
    const [owner, running, pushed, state] = [owned, uses, day, told].map(textOf);
    const open = groups.flatMap(([age, left, runs, steps]) => (
      numbers(steps).map((number) => ({ finding: findings[number], number, age, left, running: runs }))));
    open.sort((one, other) => one.number - other.number);
    const words = [name, owner || "", running || "", tag].join(" ").toLowerCase();
    return { n, name, owner, running, tag, pushed, state, open, words };
  });

  // What is asked for, as the controls have it and the address keeps it.
  const controls = Array.from(document.querySelectorAll("[data-ask]"));
  const ask = (name) => { const c = controls.find((each) => each.id === name); return c ? c.value : ""; };
  let opened = "";

  const owners = new Set(repositories.map((each) => each.owner).filter((owner) => owner !== null));
  if (byId("owner")) {
    for (const owner of Array.from(owners).sort()) byId("owner").append(new Option(owner || "unowned", `=${owner}`));
    if (repositories.some((each) => each.owner === null)) byId("owner").append(new Option("unknown", "?"));
  }

  // Which of the words are in a text, as bits.
  const bits = (words, text) => words.reduce((found, word, bit) => (text.includes(word) ? found | (1 << bit) : found), 0);
  const isOwned = (owner) => !ask("owner") || (owner === null ? ask("owner") === "?" : ask("owner") === `=${owner}`);
  const runs = (running) => (running === null ? "unknown" : running ? "yes" : "no");

  function select() {
    const wanted = { running: ask("running"), severity: ask("severity") };
    const isRunning = (running) => !wanted.running || runs(running) === wanted.running;
    const words = ask("q").toLowerCase().split(/\s+/).filter(Boolean).slice(0, 30);
    const all = 2 ** words.length - 1;
    const said = findings.map((each) => bits(words, each.words));
    const places = new Map();
    const rows = [];
    let total = 0;
    for (const repository of repositories) {
      if (!isOwned(repository.owner)) continue;
      const named = bits(words, repository.words);
      const open = repository.open.filter((each) => (named | said[each.number]) === all
        && isRunning(each.running) && (!wanted.severity || each.finding.severity === Number(wanted.severity)));
      if (open.length || (named === all && isRunning(repository.running) && !wanted.severity)) rows.push({ repository, open });
      for (const each of open) {
        const of = each.finding.of;
        if (!places.has(of)) places.set(of, { of, severity: each.finding.severity, places: [], repositories: new Set() });
        const row = places.get(of);
        row.severity = Math.min(row.severity, each.finding.severity);
        row.places.push({ repository, ...each });
        row.repositories.add(repository);
      }
      total += open.length;
    }
    return { vulnerabilities: sorted(Array.from(places.values()).sort((a, b) => a.of.n - b.of.n),
      (row) => row.repositories.size, (row) => row.places, (row) => row.of.name),
    repositories: sorted(rows, (row) => row.open.length, (row) => row.open, (row) => row.repository.name), total };
  }

  function sorted(rows, size, open, name) {
    const oldest = (row) => open(row).reduce((most, each) => Math.max(most, each.age === null ? -1 : each.age), -1);
    const orders = {
      most: (a, b) => size(b) - size(a),
      oldest: (a, b) => oldest(b) - oldest(a),
      name: (a, b) => name(a).localeCompare(name(b), "en", { numeric: true }),
    };
    return orders[ask("sort")] ? rows.sort(orders[ask("sort")]) : rows;
  }

  function element(tag, name, ...content) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...content);
    return made;
  }
  function link(address, text) {
    const made = element("a", "", text);
    made.href = address;
    if (!address.startsWith("#")) made.rel = "noreferrer noopener";
    return made;
  }
  const chip = (severity, text) => element("span", `chip ${data.severities[severity]}`, text || data.severities[severity]);
  const facts = (...texts) => texts.filter(Boolean).join(" · ");

  function age(open) {
    const ages = open.map((each) => each.age).filter((days) => days !== null);
    const overdue = open.filter((each) => each.left !== null && each.left < 0);
    const late = Math.max(...overdue.map((each) => -each.left));
    const since = ages.length ? `open ${count(Math.max(...ages), "day")}` : "";
    if (open.length === 1) {
      const left = open[0].left;
      return facts(since, left !== null && left >= 0 ? `due in ${count(left, "day")}` : "", overdue.length ? `${late} overdue` : "");
    }
    return facts(ages.length ? `oldest ${since}` : "", overdue.length ? `${overdue.length} overdue, by up to ${count(late, "day")}` : "");
  }
  function marks(of) {
    return [
      ...(of.exploited ? [element("strong", "exploit", "known exploited (KEV)")] : []),
      ...(of.epss !== null ? [element("span", "quiet", `EPSS ${of.epss < 0.01 ? "<1" : Math.round(100 * of.epss)}%`)] : []),
    ];
  }
  const packaged = (finding) => [finding.packages, finding.installed].filter(Boolean).join(" ");
  const owner = (repository) => (repository.owner ? `owner ${repository.owner}` : repository.owner === null ? "" : "unowned");
  const use = (repository, running = repository.running) => (
    running && repository.running ? `runs in ${repository.running}` : running === null || running ? "" : "runs nowhere");

  // An entry of a list, of which the inside is made when it is first opened.
  function entry(id, head, inside) {
    const details = element("details", "", element("summary", "", ...head));
    const fill = () => { if (details.children.length === 1) details.append(inside()); };
    details.addEventListener("toggle", () => { if (details.open) fill(); });
    if (id === opened) { fill(); details.open = true; }
    return element("li", "", details);
  }

  function vulnerability({ of, severity, places, repositories: set }) {
    const running = new Set(places.filter((each) => each.running).map((each) => each.repository)).size;
    const packages = Array.from(new Set(places.map((each) => each.finding.packages)));
    const fixes = Array.from(new Set(places.map((each) => each.finding.fix).filter(Boolean)));
    const more = (texts) => texts.slice(0, 3).join("; ") + (texts.length > 3 ? ` and ${texts.length - 3} more` : "");
    return entry(`v${of.n}`, [
      element("span", "what", chip(severity), " ", element("h3", "", of.name), " ", ...marks(of).flatMap((mark) => [mark, " "])),
      element("span", "in", more(packages) || "unknown package", element("span", "version", more(fixes))),
      element("span", "where", element("strong", "", count(set.size, "repository", "repositories")),
        element("span", "version", facts(running ? `runs in ${running.toLocaleString("en")}` : "", age(places)))),
    ], () => element("div", "inside",
      element("p", "quiet", of.text, " ", ...(of.about ? [`(${of.about}) `] : []), ...(of.url ? [link(of.url, `More about ${of.name}`)] : [])),
      element("ul", "", ...places.map((each) => element("li", "",
        link(`#r${each.repository.n}`, each.repository.name),
        element("span", "version", facts(packaged(each.finding), each.finding.fix, owner(each.repository), use(each.repository, each.running), age([each]))))))));
  }

  function repository({ repository: of, open }) {
    const counts = data.severities.map((_, severity) => open.filter((each) => each.finding.severity === severity).length);
    const chips = counts.flatMap((number, severity) => (number ? [chip(severity, `${number} ${data.severities[severity]}`)] : []));
    return entry(`r${of.n}`, [
      element("span", "what", element("h3", "", of.name), element("span", "version", facts(of.tag, of.pushed && `pushed ${of.pushed}`))),
      element("span", "in", facts(owner(of), use(of)), element("span", "version", age(open))),
      element("span", "where", ...(chips.length ? [element("span", "chips", ...chips)] : of.state ? [] : [element("span", "quiet", "no findings")]),
        ...(of.state ? [element("span", "version", of.state)] : [])),
    ], () => element("div", "inside", element("ul", "", ...open.map((each) => element("li", "",
      chip(each.finding.severity), " ", link(`#v${each.finding.of.n}`, each.finding.of.name), " ",
      ...marks(each.finding.of).flatMap((mark) => [mark, " "]),
      ...(each.finding.exploit ? [element("span", "exploit", "exploit known")] : []),
      element("span", "version", facts(packaged(each.finding), each.finding.fix,
        each.finding.score === null ? "" : `score ${each.finding.score}`, age([each]))))))));
  }

  // Draws the first entries of a list; those that are there already stay as they are.
  let found;
  function draw(name, most) {
    const list = byId(`${name}-list`), rows = found[name];
    const make = name === "vulnerabilities" ? vulnerability : repository;
    while (list.children.length > most) list.lastChild.remove();
    list.append(...rows.slice(list.children.length, most).map(make));
    const left = rows.length - list.children.length;
    byId(`${name}-more`).hidden = !left;
    byId(`${name}-more`).textContent = `Show ${Math.min(left, STEP)} more of ${rows.length.toLocaleString("en")}`;
    byId(`${name}-none`).hidden = rows.length > 0;
  }
  function answer() {
    found = select();
    // A search that finds one vulnerability is a question after its repositories.
    if (!opened && ask("q") && found.vulnerabilities.length === 1) opened = `v${found.vulnerabilities[0].of.n}`;
    for (const name of LISTS) {
      byId(`${name}-list`).replaceChildren();
      draw(name, STEP);
    }
    byId("found").textContent = `${count(found.total, "finding")} of ${count(found.vulnerabilities.length, "vulnerability", "vulnerabilities")}`
      + ` in ${count(found.repositories.filter((each) => each.open.length).length, "repository", "repositories")}`
      + ` of ${repositories.length.toLocaleString("en")}${asked()}.`
      + (data.unknown && ` Unknown in ${data.unknown}.`);
    opened = "";
  }

  // What the lists are limited to, for paper, which has no controls.
  function asked() {
    const set = controls.filter((each) => each.value && each.id !== "sort").map((each) => (
      `${each.labels[0].textContent}: ${each.selectedOptions ? each.selectedOptions[0].text : each.value}`));
    return set.length ? ` (${set.join("; ")})` : "";
  }

  function keep() {
    const state = new URLSearchParams(controls.filter((each) => each.value).map((each) => [each.id, each.value]));
    history.replaceState(null, "", `#${state.toString() || "search"}`);
  }
  function follow() {
    const [, kind, number] = /^#([vr])(\d+)$/.exec(location.hash) || [];
    const list = kind === "v" ? vulnerabilities : repositories;
    if (kind ? !list[number] : location.hash && location.hash !== "#search" && !location.hash.includes("=")) return;
    const state = kind ? new Map([["q", list[number].name]]) : new URLSearchParams(location.hash.slice(1));
    for (const each of controls) each.value = state.get(each.id) || "";
    opened = kind ? `${kind}${number}` : "";
    answer();
    if (!kind) return;
    keep();
    byId("search").focus({ preventScroll: true });
    byId("search").scrollIntoView();
  }

  for (const each of controls) each.addEventListener("input", () => { answer(); keep(); });
  for (const name of LISTS) {
    byId(`${name}-more`).addEventListener("click", () => {
      const list = byId(`${name}-list`), before = list.children.length;
      draw(name, before + STEP);
      list.children[before].querySelector("summary").focus();
    });
  }
  addEventListener("hashchange", follow);
  // Paper has all that is asked for.
  const drawn = {};
  addEventListener("beforeprint", () => {
    for (const name of LISTS) {
      drawn[name] = byId(`${name}-list`).children.length;
      draw(name, Infinity);
    }
  });
  addEventListener("afterprint", () => LISTS.forEach((name) => draw(name, drawn[name])));

  for (const part of document.querySelectorAll(".drawn")) part.hidden = false;
  follow();
  if (!found) answer();
})();
