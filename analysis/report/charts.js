// Draws the charts of the page (analysis.chart.model as JSON) with D3 3: hover tells values, dragging zooms, the legend toggles.
(function () {
  "use strict";
  var tip = d3.select("body").append("div").attr("class", "tip hidden").attr("role", "status");

  // --- numbers as text

  function bytesText(v) {
    var sizes = [[1099511627776, "TiB"], [1073741824, "GiB"], [1048576, "MiB"], [1024, "KiB"]];
    for (var i = 0; i < sizes.length; ++i) {
      var n = v / sizes[i][0], short = Math.abs(100 * n - Math.round(100 * n)) < 1e-6;
      if (n >= 1 && (short || n >= 64)) return +n.toPrecision(5) + " " + sizes[i][1];
    }
    return +v.toPrecision(6) + " B";
  }
  // Quantities that are written with the unit that suits each value (analysis.chart.units.QUANTITIES).
  var scaled = {ps: [[1e12, "s"], [1e9, "ms"], [1e6, "us"], [1e3, "ns"]], "b/s": [[1e9, "Gb/s"], [1e6, "Mb/s"], [1e3, "kb/s"]],
    Hz: [[1e9, "GHz"], [1e6, "MHz"], [1e3, "kHz"]]};
  function quantityText(v, unit, digits) {
    if (unit === "B") return bytesText(v);
    var step = scaled[unit].filter(function (s) { return Math.abs(v) >= s[0] * (1 - 1e-9); })[0] || [1, unit];
    return v === 0 ? "0" : +(v / step[0]).toPrecision(digits) + " " + step[1];
  }
  function isQuantity(axis) { return axis.unit === "B" || scaled.hasOwnProperty(axis.unit); }
  function tickText(axis) {
    if (isQuantity(axis)) return function (v) { return quantityText(v, axis.unit, 6); };
    return function (v) { return String(Math.abs(v) < 1e-12 ? 0 : +v.toPrecision(6)); };
  }
  function valueText(axis, v) {
    if (v === null || v === undefined) return "no value";
    if (isQuantity(axis)) return quantityText(v, axis.unit, 5);
    return +v.toPrecision(5) + (axis.unit && axis.unit !== "1" ? " " + axis.unit : "");
  }

  // --- the box beside the pointer: a head and lines of [colour, text], all as text nodes

  function showTip(head, lines) {
    tip.selectAll("*").remove();
    tip.append("b").text(head);
    lines.forEach(function (l) {
      var row = tip.append("span");
      if (l[0]) row.append("i").style("background", l[0]);
      row.append("em").style("font-style", "normal").text(l[1]);
    });
    tip.classed("hidden", false);
    var box = tip.node().getBoundingClientRect(), x = d3.event.clientX + 16, y = d3.event.clientY + 14;
    if (x + box.width > window.innerWidth - 8) x = Math.max(4, d3.event.clientX - box.width - 16);
    if (y + box.height > window.innerHeight - 8) y = Math.max(4, d3.event.clientY - box.height - 14);
    tip.style("left", x + "px").style("top", y + "px");
  }
  function hideTip() { tip.classed("hidden", true); }

  // What tells names apart is often their end: the middle is left out.
  function shorter(label, most) {
    return label.length <= most ? label : label.slice(0, (most - 1) >> 1) + "\u2026" + label.slice(label.length - (most >> 1));
  }

  // --- axes

  function binary(axis) { return axis.binary || axis.unit === "B"; }
  function logTicks(low, high, ofTwo, most) {
    var ticks = [], e, i;
    if (ofTwo) {
      var first = Math.ceil(Math.log2(low) - 1e-9), last = Math.floor(Math.log2(high) + 1e-9);
      var step = Math.max(1, Math.ceil((last - first + 1) / most));
      for (e = first; e <= last; e += step) ticks.push(Math.pow(2, e));
      return ticks;
    }
    var choices = [[1, 2, 5], [1, 3], [1]];
    for (i = 0; i < choices.length; ++i) {
      ticks = [];
      for (e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); ++e)
        choices[i].forEach(function (d) { var t = d * Math.pow(10, e); if (t >= low * 0.999 && t <= high * 1.001) ticks.push(t); });
      if (i === 0 && ticks.length < 3) return d3.scale.linear().domain([low, high]).ticks(5);
      if (ticks.length <= most) return ticks;
    }
    return ticks.filter(function (_, k) { return k % Math.ceil(ticks.length / most) === 0; });
  }
  function scaleOf(axis, values, range, zoomed) {
    values = values.filter(function (v) { return v !== null && isFinite(v) && (!axis.log || v > 0); });
    var domain = zoomed;
    if (!domain) {
      var low = axis.lower !== null ? axis.lower : d3.min(values), high = axis.upper !== null ? axis.upper : d3.max(values);
      if (low === undefined) { low = axis.log ? 1 : 0; high = axis.log ? 10 : 1; }
      var room = axis.log ? (high > low ? Math.pow(high / low, 0.04) : 2) : (high - low) * 0.04 || Math.abs(high) * 0.1 || 1;
      domain = [axis.lower !== null ? low : axis.log ? low / room : low - room, axis.upper !== null ? high : axis.log ? high * room : high + room];
    }
    return (axis.log ? d3.scale.log().base(binary(axis) ? 2 : 10) : d3.scale.linear()).domain(domain).range(range);
  }
  function byteTicks(low, high, most) {
    var step = Math.pow(2, Math.ceil(Math.log2(Math.max((high - low) / most, 1))));
    return d3.range(Math.ceil(low / step), Math.floor(high / step) + 1).map(function (k) { return k * step; });
  }
  function ticksOf(axis, scale, most) {
    if (!axis.log && axis.unit === "B") return byteTicks(scale.domain()[0], scale.domain()[1], most);
    return axis.log ? logTicks(scale.domain()[0], scale.domain()[1], binary(axis), most) : scale.ticks(most);
  }
  function drawAxis(g, axis, scale, side, width, height, most) {
    var ticks = ticksOf(axis, scale, most), across = side === "bottom";
    var grid = d3.svg.axis().scale(scale).orient(side).tickValues(ticks).tickSize(across ? -height : -width, 0).tickFormat("");
    var own = d3.svg.axis().scale(scale).orient(side).tickValues(ticks).tickSize(4, 0).tickFormat(tickText(axis));
    var move = across ? "translate(0," + height + ")" : null;
    g.append("g").attr("class", "grid").attr("transform", move).call(grid);
    g.append("g").attr("class", "axis").attr("transform", move).call(own);
    axisTitle(g, axis.title, side, width, height);
  }
  function axisTitle(g, text, side, width, height) {
    var most = Math.floor(((side === "bottom" ? width + 50 : height + 40)) / 5.6);
    var label = g.append("text").attr("text-anchor", "middle").text(shorter(text, Math.max(16, most)));
    if (side === "bottom") label.attr("x", width / 2).attr("y", height + 36);
    else label.attr("transform", "translate(-50," + height / 2 + ") rotate(-90)");
  }

  // --- a panel: its frame, then what is in it

  // What a screen reader says of it: what is drawn over what, and whose values.
  function spoken(panel) {
    var of = function (items) { return items.slice(0, 12).map(function (s) { return s.name; }).join(", ") + (items.length > 12 ? " and others" : ""); };
    var what = panel.kind === "lines" ? panel.y.title + " over " + panel.x.title + ": " + of(panel.series) :
      panel.kind === "bars" ? panel.value.title + " of " + panel.labels.slice(0, 12).join(", ") + ": " + of(panel.parts) :
      panel.value.title + " over " + panel.x_title + " and " + panel.y_title;
    return (panel.title ? panel.title + ": " : "") + what;
  }

  function frame(cell, panel, height, left) {
    var margin = {top: panel.title && !panel.headed ? 24 : 10, right: 14, bottom: 44, left: left};
    var outer = Math.max(200, cell.node().clientWidth), width = outer - margin.left - margin.right;
    var size = [outer, height + margin.top + margin.bottom];
    var svg = cell.append("svg").attr("width", size[0]).attr("height", size[1]).attr("viewBox", "0 0 " + size.join(" "))
      .attr("role", "img").attr("aria-label", spoken(panel));
    var g = svg.append("g").attr("transform", "translate(" + margin.left + "," + margin.top + ")");
    if (panel.title && !panel.headed) g.append("text").attr("class", "title").attr("y", -9).text(panel.title);
    return {svg: svg, g: g, width: width, height: height};
  }

  function drawLines(cell, panel, state, redraw) {
    var f = frame(cell, panel, state.columns > 1 ? 210 : Math.round(290 * Math.max(0.45, panel.height)), 62), g = f.g;
    var shown = panel.series.filter(function (s) { return !state.hidden[s.name]; });
    var values = function (keys) { return d3.merge(shown.map(function (s) { return d3.merge(keys.map(function (k) { return s[k]; })); })); };
    var xKey = JSON.stringify(panel.x);
    var x = scaleOf(panel.x, values(["x"]), [0, f.width], state.zoomX[xKey]);
    var y = scaleOf(panel.y, values(["y", "low", "high"]), [f.height, 0], state.zoomY[panel.index]);
    drawAxis(g, panel.x, x, "bottom", f.width, f.height, Math.max(3, Math.floor(f.width / 85)));
    drawAxis(g, panel.y, y, "left", f.width, f.height, Math.max(3, Math.floor(f.height / 40)));
    var clip = "clip" + state.id + "_" + panel.index;
    f.svg.append("clipPath").attr("id", clip).append("rect").attr("x", -4).attr("y", -4).attr("width", f.width + 8).attr("height", f.height + 8);
    var plot = g.append("g").attr("clip-path", "url(#" + clip + ")");
    var pairs = function (s) { return d3.range(s.x.length).map(function (i) { return {x: s.x[i], y: s.y[i], low: s.low[i], high: s.high[i]}; }); };
    var there = function (d) { return d.y !== null && d.x !== null && (!panel.x.log || d.x > 0) && (!panel.y.log || d.y > 0); };
    if (y.domain()[0] < 0 && y.domain()[1] > 0)
      plot.append("line").attr("class", "reference").attr({x1: 0, x2: f.width, y1: y(0), y2: y(0)});
    shown.forEach(function (s) {
      var data = pairs(s), item = plot.append("g").attr("class", "series").attr("data-name", s.name);
      if (s.low.length)
        item.append("path").attr("class", "band").style("fill", s.colour)
          .attr("d", d3.svg.area().interpolate(s.style === "step" ? "step-after" : "linear").defined(function (d) { return d.low !== null && there(d); }).x(function (d) { return x(d.x); })
            .y0(function (d) { return panel.y.log && d.low <= 0 ? f.height + 8 : y(d.low); }).y1(function (d) { return y(d.high); })(data));
      if (s.style === "points")
        item.selectAll("path").data(data.filter(there)).enter().append("path").attr("d", "M-4,-4L4,4M-4,4L4,-4").attr("class", "line")
          .style("stroke", s.colour).attr("transform", function (d) { return "translate(" + x(d.x) + "," + y(d.y) + ")"; });
      else
        item.append("path").attr("class", "line").style({stroke: s.colour, "stroke-width": 1.8 + 1.8 * Math.min(s.under, 4)})
          .attr("d", d3.svg.line().defined(there).interpolate(s.style === "step" ? "step-after" : "linear")
            .x(function (d) { return x(d.x); }).y(function (d) { return y(d.y); })(data));
      if (s.style === "line" && data.length <= 40)
        item.selectAll("circle").data(data.filter(there)).enter().append("circle").attr("r", 3 + 1.5 * Math.min(s.under, 4)).style("fill", s.colour)
          .attr("cx", function (d) { return x(d.x); }).attr("cy", function (d) { return y(d.y); });
    });
    var rule = g.append("line").attr("class", "hoverline hidden").attr("y1", 0).attr("y2", f.height);
    var dots = g.append("g").style("pointer-events", "none");
    var brush = d3.svg.brush().x(x).y(y).on("brushend", function () {
      if (brush.empty()) return;
      var e = brush.extent();
      state.zoomX[xKey] = [e[0][0], e[1][0]];
      state.zoomY[panel.index] = [e[0][1], e[1][1]];
      redraw();
    });
    var catcher = g.append("g").attr("class", "brush").call(brush);
    catcher.on("mousemove.hover", function () { hover(d3.mouse(g.node())); })
      .on("mouseleave.hover", function () { hideTip(); rule.classed("hidden", true); dots.selectAll("*").remove(); });
    // Not on the catcher, which lets no pointer through while the brush has hold of it.
    f.svg.on("dblclick.zoom", function () { state.zoomX = {}; state.zoomY = {}; redraw(); });

    // The value of each series nearest to the pointer's x; a staircase has one everywhere.
    function hover(at) {
      var where = x.invert(at[0]), lines = [], nearest = null;
      dots.selectAll("*").remove();
      shown.forEach(function (s) {
        var best = null, i;
        if (s.style === "step") {
          i = d3.bisectRight(s.x, where) - 1;
          if (i >= 0) best = {x: where, y: s.y[i], low: s.low[i], high: s.high[i]};
        } else {
          for (i = 0; i < s.x.length; ++i)
            if (there({x: s.x[i], y: s.y[i]}) && (best === null || Math.abs(x(s.x[i]) - at[0]) < Math.abs(x(best.x) - at[0])))
              best = {x: s.x[i], y: s.y[i], low: s.low[i], high: s.high[i]};
          if (best && Math.abs(x(best.x) - at[0]) > Math.max(24, f.width / 12)) best = null;
        }
        if (!best || best.y === null) return;
        if (!nearest || Math.abs(x(best.x) - at[0]) < Math.abs(x(nearest.x) - at[0])) nearest = best;
        lines.push({s: s, d: best});
      });
      if (!nearest) { hideTip(); rule.classed("hidden", true); return; }
      lines = lines.filter(function (l) { return Math.abs(x(l.d.x) - x(nearest.x)) < 3; });
      lines.forEach(function (l) {
        if (l.d.y >= y.domain()[0] && l.d.y <= y.domain()[1])
          dots.append("circle").attr("r", 4.5).style({fill: "#fff", stroke: l.s.colour, "stroke-width": 2}).attr("cx", x(l.d.x)).attr("cy", y(l.d.y));
      });
      rule.classed("hidden", false).attr("x1", x(nearest.x)).attr("x2", x(nearest.x));
      showTip(panel.x.label + ": " + valueText(panel.x, nearest.x), lines.map(function (l) {
        var band = l.d.low !== undefined && l.d.low !== null ? " [" + valueText(panel.y, l.d.low) + ", " + valueText(panel.y, l.d.high) + "]" : "";
        return [l.s.colour, l.s.name + ": " + valueText(panel.y, l.d.y) + band];
      }));
    }
  }

  function drawBars(cell, panel, state) {
    var parts = panel.parts.filter(function (p) { return !state.hidden[p.name]; }), n = panel.labels.length;
    var across = panel.horizontal, longest = d3.max(panel.labels, function (l) { return l.length; }) || 1;
    var left = across ? Math.min(300, 0.45 * cell.node().clientWidth, 16 + 6.4 * longest) : 62, fits = Math.max(8, Math.floor((left - 10) / 6));
    var size = across ? Math.max(70, n * (panel.stacked ? 21 : 6 + 13 * Math.max(1, parts.length))) : Math.round(260 * panel.height);
    var f = frame(cell, panel, size, left), g = f.g, marks = [], absent = [], axis = panel.value, tops = axis.log ? [] : [0];
    panel.labels.forEach(function (label, i) {
      var foot = 0;
      parts.forEach(function (p, k) {
        var v = p.values[i];
        if (v === null || (axis.log && v <= 0)) {
          if (!panel.stacked) absent.push({i: i, k: k, text: v !== null ? "0" : p.absent.length ? p.absent[i] : "n/a"});
          return;
        }
        marks.push({label: label, i: i, k: k, part: p, v: v, from: panel.stacked ? foot : 0, to: panel.stacked ? foot + v : v});
        foot += v;
        tops.push(panel.stacked ? foot : v);
        if (p.high.length && p.high[i] !== null) tops.push(p.high[i], p.low[i]);
      });
    });
    var axis = panel.value, all = parts.length === panel.parts.length, range = across ? [0, f.width] : [f.height, 0];
    var least = Math.min(0, d3.min(tops)), most = d3.max(tops);
    var domain = [axis.lower !== null ? axis.lower : least * 1.04, axis.upper !== null && all ? axis.upper : most > least ? most + (most - least) * 0.04 : 1];
    // A logarithmic axis has no zero that a bar could start at: dots.
    var v = axis.log ? scaleOf(axis, tops, range, null) : d3.scale.linear().domain(domain).range(range);
    var band = d3.scale.ordinal().domain(d3.range(n)).rangeRoundBands(across ? [0, f.height] : [0, f.width], 0.22, 0.2);
    drawAxis(g, axis, v, across ? "bottom" : "left", f.width, f.height, Math.max(3, Math.floor((across ? f.width : f.height) / (across ? 90 : 40))));
    var named = d3.svg.axis().scale(band).orient(across ? "left" : "bottom").tickSize(0).tickPadding(6)
      .tickFormat(function (i) { return across ? shorter(panel.labels[i], Math.min(44, fits)) : shorter(panel.labels[i], 44); });
    var labels = g.append("g").attr("class", "axis").attr("transform", across ? null : "translate(0," + f.height + ")").call(named);
    if (!across && longest * 6.4 > band.rangeBand() * 1.25)
      labels.selectAll("text").attr("transform", "rotate(-25)").style("text-anchor", "end");
    if (!across) axisTitle(g, panel.label_title, "bottom", f.width, f.height);
    var slot = panel.stacked ? band.rangeBand() : band.rangeBand() / Math.max(1, parts.length);
    var place = function (d) { return band(d.i) + (panel.stacked ? 0 : d.k * slot); };
    var bar = g.selectAll(".bar").data(marks).enter().append(axis.log ? "circle" : "rect").attr("class", "bar").attr("data-name", function (d) { return d.part.name; })
      .style("fill", function (d) { return d.part.colour; })
      .on("mousemove", function (d) {
        var whole = d3.sum(panel.parts, function (p) { return p.values[d.i] || 0; });
        var low = d.part.low[d.i], high = d.part.high[d.i];
        var lines = [[d.part.colour, d.part.name + ": " + valueText(axis, d.v) + (panel.stacked && whole ? " (" + (100 * d.v / whole).toFixed(1) + " %)" : "") +
          (low !== undefined && low !== null ? " [" + valueText(axis, low) + ", " + valueText(axis, high) + "]" : "")]];
        if (panel.stacked) lines.push([null, "from " + valueText(axis, d.from) + " to " + valueText(axis, d.to)], [null, "sum of all: " + valueText(axis, whole)]);
        showTip(d.label || d.part.name, lines);
      }).on("mouseleave", hideTip);
    var length = function (d) { return Math.max(0, Math.abs(v(d.to) - v(d.from)) - (panel.stacked ? 0.6 : 0)); };
    var centre = function (d) { return place(d) + slot / 2; };
    if (axis.log) bar.attr("r", 4).attr(across ? {cx: function (d) { return v(d.to); }, cy: centre} : {cx: centre, cy: function (d) { return v(d.to); }});
    else if (across) bar.attr({x: function (d) { return Math.min(v(d.from), v(d.to)); }, y: place, width: length, height: Math.max(1, slot - 1)});
    else bar.attr({x: place, y: function (d) { return Math.min(v(d.from), v(d.to)); }, width: Math.max(1, slot - 1), height: length});
    marks.forEach(function (d) {
      var low = d.part.low[d.i], high = d.part.high[d.i], middle = place(d) + slot / 2;
      if (low === undefined || low === null || (axis.log && low <= 0)) return;
      var ends = across ? "M" + v(low) + "," + (middle - 3) + "v6m0,-3H" + v(high) + "m0,-3v6" : "M" + (middle - 3) + "," + v(low) + "h6m-3,0V" + v(high) + "m-3,0h6";
      g.append("path").attr("class", "error").attr("d", ends);
    });
    g.selectAll("text.absent").data(absent).enter().append("text").attr("class", "absent").text(function (d) { return d.text; })
      .attr("transform", function (d) {  // upright bars are too narrow for words beside each other
        return across ? "translate(4," + (centre(d) + 4) + ")" : "translate(" + (centre(d) + 4) + "," + (f.height - 4) + ") rotate(-90)";
      });
    if (domain[0] < 0 && !axis.log) g.append("line").attr("class", "reference").attr(across ? {x1: v(0), x2: v(0), y1: 0, y2: f.height} : {x1: 0, x2: f.width, y1: v(0), y2: v(0)});
    if (panel.reference !== null) {
      var r = v(panel.reference);
      g.append("line").attr("class", "reference").attr(across ? {x1: r, x2: r, y1: 0, y2: f.height} : {x1: 0, x2: f.width, y1: r, y2: r});
    }
  }

  function drawHeat(cell, panel, state) {
    var rows = panel.y_labels.length, columns = panel.x_labels.length;
    var longest = d3.max(panel.y_labels, function (l) { return l.length; }) || 1;
    var f = frame(cell, panel, Math.max(150, rows * 34), Math.min(240, 40 + 6.6 * longest)), g = f.g;
    var flat = d3.merge(panel.values).filter(function (v) { return v !== null; }), low = d3.min(flat), high = d3.max(flat);
    var stops = state.ramp.map(function (_, i) { return low + (high - low) * i / (state.ramp.length - 1); });
    var colour = high > low ? d3.scale.linear().domain(stops).range(state.ramp) : function () { return state.ramp[0]; };
    var width = f.width - 76;
    var x = d3.scale.ordinal().domain(d3.range(columns)).rangeRoundBands([0, width], 0.03);
    var y = d3.scale.ordinal().domain(d3.range(rows)).rangeRoundBands([f.height, 0], 0.03);
    g.append("g").attr("class", "axis").attr("transform", "translate(0," + f.height + ")")
      .call(d3.svg.axis().scale(x).orient("bottom").tickSize(0).tickPadding(6)
        .tickValues(d3.range(0, columns, Math.ceil(columns * 6.6 * (d3.max(panel.x_labels, function (l) { return l.length; }) + 1) / width)))
        .tickFormat(function (i) { return panel.x_labels[i]; }));
    g.append("g").attr("class", "axis").call(d3.svg.axis().scale(y).orient("left").tickSize(0).tickPadding(6).tickFormat(function (i) { return panel.y_labels[i]; }));
    axisTitle(g, panel.x_title, "bottom", width, f.height);
    g.append("text").attr("class", "title").attr("text-anchor", "end").attr("x", -6).attr("y", -2).text(panel.y_title);
    function write(i, j, text, colour) {
      g.append("text").attr({x: x(i) + x.rangeBand() / 2, y: y(j) + y.rangeBand() / 2 + 4, "text-anchor": "middle"}).style("pointer-events", "none")
        .style("fill", colour).text(text);
    }
    panel.values.forEach(function (row, j) {
      row.forEach(function (v, i) {
        var where = panel.x_title + " " + panel.x_labels[i] + ", " + panel.y_title + " " + panel.y_labels[j];
        if (v === null) {
          g.append("rect").attr("class", "none").attr({x: x(i), y: y(j), width: x.rangeBand(), height: y.rangeBand()})
            .on("mousemove", function () { showTip(where, [[null, panel.texts[j][i]]]); }).on("mouseleave", hideTip);
          if (x.rangeBand() > 38) write(i, j, panel.texts[j][i], "#57606a");
          return;
        }
        g.append("rect").attr("class", "cell").attr({x: x(i), y: y(j), width: x.rangeBand(), height: y.rangeBand()}).style("fill", colour(v))
          .on("mousemove", function () { showTip(where, [[colour(v), panel.value.label + ": " + valueText(panel.value, v)]]); })
          .on("mouseleave", hideTip);
        if (x.rangeBand() > 38) write(i, j, panel.texts[j][i], v > (low + high) / 2 ? "#000" : "#fff");
      });
    });
    if (!flat.length) return;
    var key = d3.scale.linear().domain([low, high > low ? high : low + 1]).range([f.height, 0]);
    d3.range(40).forEach(function (k) {
      var v = low + (high - low) * k / 39;
      g.append("rect").attr({x: width + 14, y: f.height * (39 - k) / 40, width: 12, height: f.height / 40 + 0.6}).style("fill", colour(v));
    });
    g.append("g").attr("class", "axis").attr("transform", "translate(" + (width + 26) + ",0)").call(d3.svg.axis().scale(key).orient("right").ticks(5).tickSize(3, 0));
    g.append("text").attr("text-anchor", "end").attr("x", f.width).attr("y", -2).text(panel.value.title);
  }

  // --- a chart: legend and panels

  function Chart(figure, chart, id, ramp) {
    var state = {id: id, hidden: {}, zoomX: {}, zoomY: {}, columns: chart.columns, ramp: ramp};
    var host = d3.select(figure), legend = host.append("div").attr("class", "legend"), grid = host.append("div").attr("class", "panels");
    chart.panels.forEach(function (p, i) { p.index = i; });
    var own = chart.panels.some(function (p) { return p.own_legend; });
    // Entries that toggle, in a legend of the whole chart or of one panel.
    function entries(place, items) {
      place.selectAll("button.entry").data(items).enter().append("button").attr("class", "entry").attr("type", "button").attr("aria-pressed", function (d) { return String(!state.hidden[d.name]); })
        .attr("title", function (d) { return d.name; })
        .each(function (d) {
          if (d.style === "points") d3.select(this).append("b").attr("class", "cross").style("color", d.colour).text("\u00d7");
          else d3.select(this).append("i").attr("class", d.style === "bar" ? null : "stroke").style("background", d.colour);
          d3.select(this).append("span").text(d.name);
        })
        .on("click", function (d) {
          if (d3.event.shiftKey || d3.event.altKey) chart.legend.forEach(function (o) { state.hidden[o.name] = o !== d; });
          else state.hidden[d.name] = !state.hidden[d.name];
          draw();
        });
    }
    if (!own && (chart.legend.length > 1 || chart.legend_title && chart.legend.length)) entries(legend, chart.legend);
    if (chart.legend_title && chart.legend.length) legend.insert("span", ":first-child").attr("class", "of").text(chart.legend_title + ":");
    var reset = legend.append("button").attr("class", "reset hidden").attr("type", "button").text("reset zoom")
      .on("click", function () { state.zoomX = {}; state.zoomY = {}; draw(); });
    var lines = chart.panels.some(function (p) { return p.kind === "lines"; });
    legend.append("span").attr("class", "hint").text((lines ? "drag to zoom, double-click to reset" : "") +
      (chart.legend.length > 1 ? (lines ? "; " : "") + "click toggles, shift-click shows one" : ""));
    // The panel's title stands before its entries instead of in the drawing.
    function headed(place, panel) {
      panel.headed = true;
      if (panel.title) place.append("b").attr("class", "of").text(panel.title);
      return place;
    }
    function draw() {
      hideTip();
      legend.selectAll("button.entry").attr("aria-pressed", function (d) { return String(!state.hidden[d.name]); });
      reset.classed("hidden", !Object.keys(state.zoomX).length && !Object.keys(state.zoomY).length);
      var columns = Math.max(1, Math.min(chart.columns, Math.floor(host.node().clientWidth / 300)));
      grid.style("grid-template-columns", "repeat(" + columns + ", minmax(0, 1fr))");
      grid.selectAll("*").remove();
      chart.panels.forEach(function (panel) {
        var cell = grid.append("div").attr("class", "panel");
        if (panel.own_legend && !(panel.series.length === 1 && panel.series[0].name === panel.y.label))
          entries(headed(cell.append("div").attr("class", "legend"), panel),
            panel.series.map(function (s) { return {name: s.name, colour: s.colour, style: s.style}; }));
        (panel.kind === "lines" ? drawLines : panel.kind === "bars" ? drawBars : drawHeat)(cell, panel, state, draw);
      });
    }
    draw();
    return draw;
  }

  var document_ = JSON.parse(document.getElementById("charts").textContent), redraws = [];
  document_.charts.forEach(function (chart, i) {
    var figure = document.getElementById("chart-" + i);
    if (figure) redraws.push(Chart(figure, chart, i, document_.ramp));
  });
  var waiting = null;
  window.addEventListener("resize", function () {
    clearTimeout(waiting);
    waiting = setTimeout(function () { redraws.forEach(function (r) { r(); }); }, 150);
  });
})();
