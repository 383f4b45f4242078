// Search in the configuration (a tree of details elements) and in long tables.
(function () {
  "use strict";
  function filterTree(input) {
    var root = document.getElementById(input.getAttribute("data-filters")), wanted = input.value.trim().toLowerCase();
    function visit(node, inherited) {
      var found = false;
      Array.prototype.forEach.call(node.children, function (child) {
        if (child.tagName === "SUMMARY") return;
        var own = (child.getAttribute("data-text") || "").toLowerCase(), hit = wanted !== "" && own.indexOf(wanted) >= 0;
        var below = child.tagName === "DETAILS" ? visit(child, inherited || hit) : false;
        var shown = wanted === "" || inherited || hit || below;
        child.classList.toggle("hidden", !shown);
        (child.tagName === "DETAILS" ? child.firstElementChild : child).classList.toggle("hit", hit);
        if (child.tagName === "DETAILS") child.open = wanted === "" ? child.hasAttribute("data-open") : below;
        found = found || hit || below;
      });
      return found;
    }
    visit(root, false);
  }
  function filterRows(input) {
    var wanted = input.value.trim().toLowerCase();
    Array.prototype.forEach.call(document.getElementById(input.getAttribute("data-filters")).tBodies[0].rows, function (row) {
      row.classList.toggle("hidden", wanted !== "" && row.textContent.toLowerCase().indexOf(wanted) < 0);
    });
  }
  Array.prototype.forEach.call(document.querySelectorAll("input[data-filters]"), function (input) {
    var tree = document.getElementById(input.getAttribute("data-filters")).tagName !== "TABLE";
    input.addEventListener("input", function () { (tree ? filterTree : filterRows)(input); });
  });
  Array.prototype.forEach.call(document.querySelectorAll("button[data-opens]"), function (button) {
    button.addEventListener("click", function () {
      var open = button.getAttribute("data-open") === "true";
      Array.prototype.forEach.call(document.getElementById(button.getAttribute("data-opens")).querySelectorAll("details"), function (d) { d.open = open; });
    });
  });
})();
