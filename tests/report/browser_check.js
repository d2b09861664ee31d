// SPDX-License-Identifier: Apache-2.0
//
// Appended to a copy of a report; tells the page around it "OK ..." or what is
// wrong.
(function () {
  "use strict";
  var faults = [];

  function fault(text) {
    if (faults.length < 8) faults.push(text);
  }

  function all(selector, root) {
    return Array.prototype.slice.call(
        (root || document).querySelectorAll(selector));
  }

  // The verdict is a word, large, on the first screen.
  function verdict() {
    var words = ["PASS", "FAIL", "INCONCLUSIVE", "NOT JUDGED"];
    var word = document.getElementById("verdict-word");
    var box = word && word.getBoundingClientRect();

    if (!word || words.indexOf(word.textContent) < 0)
      fault("no verdict word");
    else if (box.width < 40 || box.height < 20 || box.top < 0 ||
             box.bottom > innerHeight || box.right > innerWidth)
      fault("verdict not on the first screen");
  }

  // Every figure shows one drawing, with a size and with shapes in it.
  function plots() {
    var drawn = 0;

    all("figure").forEach(function (figure, index) {
      var shown = all(".plot", figure).filter(function (plot) {
        return plot.getClientRects().length > 0;
      });
      var svg = shown.length === 1 && shown[0].querySelector("svg");
      var box = svg && svg.getBoundingClientRect();

      if (figure.closest("details:not([open])")) return;
      if (!svg)
        fault("figure " + index + " shows " + shown.length + " plots, or no drawing");
      else if (box.width < 200 || box.height < 80)
        fault("plot " + index + " is " + box.width + " x " + box.height);
      else if (all("path, polygon, use", svg).length < 3)
        fault("plot " + index + " is empty");
      else if (!svg.getAttribute("aria-label"))
        fault("plot " + index + " has no label");
      else
        drawn++;
      if (svg) texts(svg, index);
    });
    return drawn;
  }

  // No letter of a drawing lies outside of it, and none is too small.
  function texts(svg, index) {
    var frame = svg.getBoundingClientRect();

    all("text", svg).forEach(function (text) {
      var box = text.getBoundingClientRect();

      if (box.width === 0) return;
      if (box.left < frame.left - 2 || box.right > frame.right + 2 ||
          box.top < frame.top - 2 || box.bottom > frame.bottom + 2)
        fault("plot " + index + ": '" + text.textContent + "' is cut off");
      if (Math.min(box.width, box.height) < 6 && text.textContent.length > 2)
        fault("plot " + index + ": '" + text.textContent + "' is too small");
    });
  }

  function scrolls(element) {
    return element.closest(".scroll, svg") !== null;
  }

  // Nothing is wider than the screen but what scrolls in its own box.
  function overflow() {
    var width = document.documentElement.clientWidth;

    if (document.documentElement.scrollWidth > width)
      fault("page is " + document.documentElement.scrollWidth +
            " wide on " + width);
    all("body *").forEach(function (element) {
      var box = element.getBoundingClientRect();

      if (box.width === 0 || scrolls(element)) return;
      if (element.className === "skip") return;
      if (box.right > width + 1 || box.left < -1)
        fault(element.tagName + " '" + element.textContent.slice(0, 20) +
              "' leaves the screen");
    });
    all(".scroll").forEach(function (box) {
      if (box.getBoundingClientRect().right > width + 1)
        fault("a table's box leaves the screen");
    });
  }

  function channel(value) {
    value /= 255;
    return value <= 0.04045 ? value / 12.92
                            : Math.pow((value + 0.055) / 1.055, 2.4);
  }

  function numbers(colour) {
    return (colour.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  }

  function luminance(colour) {
    return 0.2126 * channel(colour[0]) + 0.7152 * channel(colour[1]) +
           0.0722 * channel(colour[2]);
  }

  function background(element) {
    for (; element; element = element.parentElement) {
      var colour = numbers(getComputedStyle(element).backgroundColor);

      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  }

  // WCAG 2.1, 1.4.3: 4.5 to 1 for text.
  function contrast() {
    var lowest = 21;

    all("h1, h2, h3, p, td, th, dt, dd, a, caption, figcaption, summary, " +
        ".badge, pre, svg[role=img] text").forEach(function (element) {
      var inside = element.namespaceURI.indexOf("svg") >= 0;
      var style = getComputedStyle(element);
      var ink = luminance(numbers(inside ? style.fill : style.color));
      var paper = luminance(background(element));
      var ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);

      if (!element.textContent.trim() || element.getClientRects().length === 0)
        return;
      lowest = Math.min(lowest, ratio);
      if (ratio < 4.5)
        fault("contrast " + ratio.toFixed(2) + " of '" +
              element.textContent.trim().slice(0, 20) + "'");
    });
    return lowest;
  }

  function anchors() {
    all("nav a").forEach(function (link) {
      if (!document.querySelector(link.getAttribute("href")))
        fault("dead link " + link.getAttribute("href"));
    });
  }

  addEventListener("load", function () {
    var drawn;
    var lowest;

    verdict();
    drawn = plots();
    overflow();
    lowest = contrast();
    anchors();
    parent.postMessage(
        faults.length ? faults.join("; ").replace(/[<>&\n]/g, " ")
                      : "OK " + document.getElementById("verdict-word")
                            .textContent + ", " + drawn +
                            " plots, contrast " + lowest.toFixed(1), "*");
  });
})();
