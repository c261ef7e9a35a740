(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const say = (key, gaps = {}) => data.words[key].replace(/\{(\w+)\}/g, (_, gap) => gaps[gap]);
  const byId = id => document.getElementById(id);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const narrow = () => document.documentElement.clientWidth < 700;
  const font = {family: "DejaVu Sans, Segoe UI, system-ui, sans-serif", color: "#1a1a1a", size: 14};
  const config = {responsive: true, displaylogo: false, displayModeBar: false};
  const still = {fixedrange: true, automargin: true};
  const option = (select, value, text) => select.add(new Option(text, value));
  const paler = (colour, share) => colour + Math.round(255 * share).toString(16).padStart(2, "0");

  // --- the day of a line -----------------------------------------------------------------------------------

  const hours = [...Array(24).keys()];

  function dayTraces(line) {
    const traces = [];
    data.scenarios.forEach(({name, title, color, dash}) => {
      const day = line.scenarios[name];
      if (!day) return;
      traces.push({x: hours, y: day.high, mode: "lines", line: {width: 0}, hoverinfo: "skip", showlegend: false, connectgaps: false});
      traces.push({x: hours, y: day.low, mode: "lines", line: {width: 0}, fill: "tonexty", fillcolor: paler(color, .16), hoverinfo: "skip", showlegend: false});
      const text = day.mean.map((mean, hour) => mean === null ? "" : `${mean}` + (day.hw[hour] === null ? "" : ` ± ${day.hw[hour]}`));
      traces.push({x: hours, y: day.mean, text, name: title, mode: "lines+markers", line: {color, dash, width: 3}, marker: {color, size: 7},
        hovertemplate: `%{text} ${say("unit.min")}<extra>${title}</extra>`});
    });
    if (line.observed) traces.push({x: hours, y: line.observed, name: say("day.observed"), mode: "lines", line: {color: "#4d4d4d", dash: "dot", width: 2},
      hovertemplate: `%{y} ${say("unit.min")}<extra>${say("day.observed")}</extra>`});
    return traces;
  }

  function drawDay(key) {
    const line = data.days[key];
    byId("day-finding").textContent = key === data.line ? "" : line.finding;
    const ticks = hours.filter(hour => hour % (narrow() ? 6 : 3) === 0);
    const layout = {font, hovermode: "x unified", dragmode: false, margin: {l: 50, r: 16, t: 10, b: 50},
      legend: {orientation: "h", traceorder: "normal", y: 1.02, yanchor: "bottom", x: 0},
      xaxis: {...still, title: {text: say("day.x"), font: {size: narrow() ? 12 : 15}}, tickvals: ticks, ticktext: ticks.map(hour => `${String(hour).padStart(2, "0")}:00`), range: [-.5, 23.5]},
      yaxis: {...still, title: {text: say("day.y"), font: {size: narrow() ? 12 : 15}}, rangemode: "tozero", gridcolor: "#d0d0d0"}, shapes: [], annotations: []};
    if (line.target !== null) {
      layout.shapes.push({type: "line", xref: "paper", x0: 0, x1: 1, y0: line.target, y1: line.target, line: {dash: "dot", width: 2, color: "#1a1a1a"}});
      layout.annotations.push({xref: "paper", x: 1, y: line.target, text: say("day.target", {minutes: line.target}), showarrow: false, xanchor: "right", yanchor: "bottom"});
    }
    Plotly.react("day-chart", dayTraces(line), layout, config);
  }

  function day() {
    const select = byId("day-line");
    if (!select) return;
    Object.entries(data.days).forEach(([key, line]) => option(select, key, line.label));
    select.value = data.line;
  }

  // --- the week of a line ----------------------------------------------------------------------------------

  const rows = week => [...Array(7).keys()].map(day => week.slice(24 * day, 24 * day + 24));
  const high = weeks => Math.max(1, ...weeks.flat().filter(value => value !== null));

  function weekPanels(line) {
    const panels = data.scenarios.filter(({name}) => line.waits[name])
      .map(({name, title}) => ({title: say("week.wait", {scenario: title}), z: line.waits[name], kind: "wait"}));
    data.scenarios.filter(({name}) => line.changes[name]).forEach(({name, title}) => {
      const {difference, unclear} = line.changes[name];
      panels.push({title: say("week.change", {option: title}), z: difference.map((value, hour) => unclear[hour] ? null : value), grey: difference.map((value, hour) => unclear[hour] ? value : null), kind: "change"});
    });
    return panels;
  }

  function heat(panel, index, top, reach, count) {
    const days = say("week.days").split(" "), wait = panel.kind === "wait";
    const axes = {x: hours, y: days, xaxis: `x${index + 1}`, yaxis: `y${index + 1}`, type: "heatmap", xgap: 1, ygap: 1};
    const bar = {thickness: 12, len: .72 / count, y: 1 - (index + .56) / count};
    const shown = {...axes, z: rows(panel.z), colorbar: bar, hoverongaps: false, hovertemplate: `%{y} %{x}:00: %{z} ${say("unit.min")}<extra></extra>`,
      ...(wait ? {zmin: 0, zmax: top, colorscale: [[0, "#fcfdbf"], [.25, "#feb078"], [.5, "#f1605d"], [.75, "#822681"], [1, "#221150"]]}
               : {zmin: -reach, zmax: reach, colorscale: [[0, "#01665e"], [.25, "#80cdc1"], [.5, "#f5f5f5"], [.75, "#dfc27d"], [1, "#8c510a"]]})};
    if (wait) return [shown];
    const grey = {...axes, z: rows(panel.grey), showscale: false, hoverongaps: false, colorscale: [[0, "#c4c4c4"], [1, "#c4c4c4"]],
      hovertemplate: `%{y} %{x}:00: %{z} ${say("unit.min")}, ${say("week.unclear")}<extra></extra>`};
    return [grey, shown];
  }

  function drawWeek(key) {
    const line = data.weeks[key], panels = weekPanels(line), count = panels.length, tall = 250;
    const top = high(Object.values(line.waits)), reach = high(Object.values(line.changes).map(({difference}) => difference.map(value => value === null ? null : Math.abs(value))));
    byId("week-finding").textContent = key === data.line ? "" : line.finding;
    const layout = {font, dragmode: false, height: tall * count + 40, margin: {l: 46, r: 10, t: 30, b: 44}, annotations: [], showlegend: false};
    const ticks = hours.filter(hour => hour % (narrow() ? 6 : 3) === 0);
    panels.forEach((panel, index) => {
      const from = 1 - (index + 1) / count, to = 1 - index / count, room = 46 / (tall * count);
      layout[`xaxis${index + 1}`] = {...still, anchor: `y${index + 1}`, tickvals: ticks, ticktext: ticks.map(hour => `${String(hour).padStart(2, "0")}:00`), showgrid: false,
        title: index === count - 1 ? {text: say("week.x")} : undefined};
      layout[`yaxis${index + 1}`] = {...still, anchor: `x${index + 1}`, domain: [from + room, to - room], autorange: "reversed", showgrid: false};
      layout.annotations.push({text: `<b>${panel.title}</b>`, xref: "paper", yref: "paper", x: 0, xanchor: "left", xshift: narrow() ? -46 : 0, y: to - room, yanchor: "bottom", showarrow: false});
    });
    const chart = byId("week-chart");
    Plotly.react(chart, panels.flatMap((panel, index) => heat(panel, index, top, reach, count)), layout, config);
  }

  function week() {
    const select = byId("week-line");
    if (!select) return;
    Object.entries(data.weeks).forEach(([key, line]) => option(select, key, line.label));
    select.value = data.line;
  }

  // --- the queue map ---------------------------------------------------------------------------------------

  const SVG = "http://www.w3.org/2000/svg";
  const LAST = 143, HOUR = 6, BEAT = 120, CALM_BEAT = 600;

  function shape(parent, name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    if (text !== undefined) made.textContent = text;
    return parent.appendChild(made);
  }

  const clock = step => { const minute = 10 * (step + 1); return `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`; };

  function map() {
    const strip = byId("map-strip");
    if (!strip) return;
    const slider = byId("map-time"), play = byId("map-play"), modes = byId("map-mode"), days = byId("map-day");
    Object.keys(data.map.modes).forEach(mode => option(modes, mode, say(`mode.${mode}.many`)));
    modes.value = data.mode in data.map.modes ? data.mode : Object.keys(data.map.modes)[0];
    let moving = [], timer = 0;
    const lines = () => data.map.modes[modes.value][days.value];
    const shown = () => data.scenarios.filter(({name}) => lines()[name]);

    function fillDays() {
      const chosen = days.value;
      days.length = 0;
      Object.keys(data.map.modes[modes.value]).forEach(kind => option(days, kind, say(`map.${kind}`)));
      if ([...days.options].some(({value}) => value === chosen)) days.value = chosen;
    }

    const peak = () => data.map.peaks[modes.value][days.value];

    function draw() {
      const key = byId("map-key");
      key.replaceChildren(...shown().map(({title, color}) => {
        const entry = document.createElement("span"), box = document.createElement("i");
        box.style.background = color;
        entry.append(box, title);
        return entry;
      }));
      const ports = data.map.ports.filter(port => shown().some(({name}) => lines()[name][port]));
      const longest = Math.max(1, ...shown().flatMap(({name}) => Object.values(lines()[name]).flat()));
      byId("map-finding").textContent = modes.value === data.mode ? "" : data.map.findings[modes.value] ?? "";
      strip.replaceChildren();
      moving = (narrow() ? upright : across)(ports, longest);
      show();
    }

    const portName = port => data.ports[port] + (data.assumed.includes(`${port}|${modes.value}`) ? "†" : "");

    function across(ports, longest) {
      const wide = 1060, ground = 96, deep = 300, edge = 70;
      const svg = shape(strip, "svg", {viewBox: `0 0 ${wide} ${ground + deep + 44}`, "aria-hidden": "true"});
      shape(svg, "rect", {x: 0, y: 0, width: wide, height: ground, fill: "#e9eef2"});
      shape(svg, "text", {x: 8, y: 20, "font-size": 15, fill: "#4d4d4d"}, say("map.us"));
      shape(svg, "text", {x: 8, y: ground + deep + 38, "font-size": 15, fill: "#4d4d4d"}, say("map.mexico"));
      const places = placed(ports).map(at => edge + at * (wide - 2 * edge));
      const gap = Math.min(140, ...places.slice(1).map((at, index) => at - places[index]));
      const width = .74 * gap / shown().length;
      const found = [];
      ports.forEach((port, index) => {
        const words = portName(port).split(" "), half = Math.ceil(words.length / 2);
        const texts = words.length > 1 ? [words.slice(0, half).join(" "), words.slice(half).join(" ")] : [words[0]];
        texts.forEach((text, row) => shape(svg, "text", {x: places[index], y: ground - 10 - 18 * (texts.length - 1 - row), "text-anchor": "middle", "font-size": 15, "font-weight": "bold", fill: "#1a1a1a"}, text));
        if (index && data.map.km[port] !== undefined) {
          const km = data.map.km[port] - data.map.km[ports[index - 1]];
          shape(svg, "text", {x: (places[index] + places[index - 1]) / 2, y: 38, "text-anchor": "middle", "font-size": 13, fill: "#4d4d4d"}, say("map.km", {km}));
        }
        shown().forEach(({name, color}, number) => {
          const x = places[index] + width * (number - shown().length / 2), queue = lines()[name][port];
          if (!queue) { shape(svg, "text", {x: x + .45 * width, y: ground + 18, "text-anchor": "middle", "font-size": 13, fill: "#4d4d4d"}, shown().length > 2 ? "–" : say("map.closed")); return; }
          const bar = shape(svg, "rect", {x, y: ground, width: .9 * width, height: 0, fill: color});
          const count = shape(svg, "text", {x: x + .45 * width, y: ground, "text-anchor": "middle", "font-size": 15, fill: color, "font-weight": "bold"});
          found.push({port, name, queue, to: value => {
            bar.setAttribute("height", deep * value / longest);
            count.setAttribute("y", ground + deep * value / longest + 17 + (shown().length > 2 ? 16 * number : 0));
            count.textContent = value.toLocaleString("en");
          }});
        });
      });
      shape(svg, "line", {x1: 0, x2: wide, y1: ground, y2: ground, stroke: "#1a1a1a", "stroke-width": 4});
      return found;
    }

    function upright(ports, longest) {
      const wide = 380, bar = 17, head = 24, row = head + shown().length * (bar + 3) + 14;
      const svg = shape(strip, "svg", {viewBox: `0 0 ${wide} ${row * ports.length + 8}`, "aria-hidden": "true"});
      const found = [];
      ports.forEach((port, index) => {
        const top = 8 + index * row;
        shape(svg, "text", {x: 6, y: top + 15, "font-size": 15, "font-weight": "bold", fill: "#1a1a1a"}, portName(port));
        shown().forEach(({name, color}, number) => {
          const y = top + head + number * (bar + 3), queue = lines()[name][port];
          if (!queue) { shape(svg, "text", {x: 8, y: y + 13, "font-size": 13, fill: "#4d4d4d"}, say("map.closed")); return; }
          const made = shape(svg, "rect", {x: 6, y, width: 0, height: bar, fill: color});
          const count = shape(svg, "text", {x: 6, y: y + 14, "font-size": 14, "font-weight": "bold", fill: color});
          found.push({port, name, queue, to: value => {
            made.setAttribute("width", (wide - 70) * value / longest);
            count.setAttribute("x", 12 + (wide - 70) * value / longest);
            count.textContent = value.toLocaleString("en");
          }});
        });
      });
      shape(svg, "line", {x1: 4, x2: 4, y1: 0, y2: row * ports.length, stroke: "#1a1a1a", "stroke-width": 4});
      return found;
    }

    function placed(ports) {
      const all = ports.map(port => data.map.places[port]), first = all[0], last = all[all.length - 1];
      return all.map(at => last > first ? (at - first) / (last - first) : .5);
    }

    function show() {
      const step = Number(slider.value), time = say("map.at", {time: clock(step), day: say(`map.${days.value}`)});
      moving.forEach(({queue, to}) => to(queue[step]));
      byId("map-clock").textContent = time;
      slider.setAttribute("aria-valuetext", time);
    }

    function stop() {
      clearInterval(timer);
      timer = 0;
      play.textContent = say("map.play");
      play.setAttribute("aria-pressed", "false");
    }

    function start() {
      if (Number(slider.value) >= LAST) slider.value = 0;
      play.textContent = say("map.pause");
      play.setAttribute("aria-pressed", "true");
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show();
        if (Number(slider.value) >= LAST) stop();
      }, calm.matches ? CALM_BEAT : BEAT);
    }

    play.onclick = () => timer ? stop() : start();
    slider.oninput = () => { stop(); show(); };
    slider.onkeydown = event => {
      const by = {PageUp: HOUR, PageDown: -HOUR}[event.key];
      if (!by) return;
      event.preventDefault();
      stop();
      slider.value = Number(slider.value) + by;
      show();
    };
    modes.onchange = () => { stop(); fillDays(); slider.value = peak(); draw(); };
    days.onchange = () => { stop(); draw(); };
    fillDays();
    slider.value = peak();
    draw();
    let was = narrow();
    addEventListener("resize", () => { if (narrow() !== was) { was = narrow(); draw(); } });
  }

  // --- charts of the large library -------------------------------------------------------------------------
  // The page is read, and its pictures seen, before the library is: it starts when a chart comes near, or is used.

  const draws = {day: drawDay, week: drawWeek};

  let unpacked;

  async function unpack() {
    const packed = Uint8Array.from(atob(byId("plotly").textContent), letter => letter.charCodeAt(0));
    const script = document.createElement("script");
    script.textContent = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    document.head.append(script);
  }

  async function live(place) {
    await (unpacked ??= unpack());
    const kind = place.dataset.touch;
    place.classList.add("live");
    draws[kind](byId(`${kind}-line`).value);
  }

  function touch() {
    const near = new IntersectionObserver(seen => seen.filter(({isIntersecting}) => isIntersecting).forEach(({target}) => {
      near.unobserve(target);
      live(target);
    }), {rootMargin: "100px"});
    document.querySelectorAll("[data-touch]").forEach(place => {
      byId(`${place.dataset.touch}-line`).onchange = () => { near.unobserve(place); live(place); };
      near.observe(place);
    });
    document.querySelectorAll("[data-touch]:not(.has-still)").forEach(live);
  }

  // --- a picture, large ------------------------------------------------------------------------------------

  function pictures() {
    const large = byId("large"), shown = large.appendChild(document.createElement("img"));
    document.querySelectorAll("button.picture").forEach(button => button.onclick = () => {
      const picture = button.querySelector("img");
      shown.src = picture.src;
      shown.alt = picture.alt;
      large.showModal();
    });
    large.onclick = () => large.close();
  }

  day();
  week();
  map();
  pictures();
  addEventListener("load", () => requestAnimationFrame(() => {
    touch();
    document.documentElement.dataset.ready = "true";
  }));
})();
