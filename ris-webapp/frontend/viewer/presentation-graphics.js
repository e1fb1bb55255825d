/**
 * Draws what a presentation state lays over an image: shutters (PS3.3 C.7.6.11) and the graphics and text of its layers
 * (C.10.5), as SVG above the canvas, through the map from image positions to the canvas.
 */
(function () {
  const SVG = 'http://www.w3.org/2000/svg';
  const WHITE = '#ffffff';
  const FONT_PX = 14;
  /** Below each line, so that it is seen on white too. */
  const HALO = { fill: 'none', stroke: '#000', 'stroke-width': 4, 'stroke-opacity': 0.6 };
  const many = value => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);
  const numbers = value => (typeof value === 'string' ? value.split('\\') : Array.from(many(value))).map(Number);

  function node(name, attributes, ...children) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  const grey = value => `rgb(${Array(3).fill(Math.round((Number(value) || 0) / 257)).join(' ')})`;
  const path = (points, closed) => points.map(([x, y], at) => `${at ? 'L' : 'M'}${x.toFixed(2)} ${y.toFixed(2)}`).join('') + (closed ? 'Z' : '');
  const pairs = flat => Array.from({ length: Math.floor(flat.length / 2) }, (_, at) => [flat[2 * at], flat[2 * at + 1]]);

  /** An ellipse's outline as points, in whatever coordinates its centre and half axes are. */
  function around([x, y], [ax, ay], [bx, by]) {
    return Array.from({ length: 72 }, (_, step) => {
      const angle = (step / 72) * 2 * Math.PI;
      return [x + ax * Math.cos(angle) + bx * Math.sin(angle), y + ay * Math.cos(angle) + by * Math.sin(angle)];
    });
  }

  // ---- shutters: what lies outside of each shape is covered ----

  function shapes(state) {
    const outlines = {
      RECTANGULAR() {
        const [left, right, top, bottom] = ['LeftVerticalEdge', 'RightVerticalEdge', 'UpperHorizontalEdge', 'LowerHorizontalEdge'].map(edge => Number(state[`Shutter${edge}`]));
        return [[left - 1, top - 1], [right, top - 1], [right, bottom], [left - 1, bottom]];
      },
      CIRCULAR() {
        const [row, column] = numbers(state.CenterOfCircularShutter);
        const radius = Number(state.RadiusOfCircularShutter);
        return around([column - 0.5, row - 0.5], [radius, 0], [0, radius]);
      },
      POLYGONAL: () => pairs(numbers(state.VerticesOfThePolygonalShutter)).map(([row, column]) => [column - 0.5, row - 0.5]),
    };
    return many(state.ShutterShape).flatMap(shape => String(shape).split('\\')).filter(shape => outlines[shape]).map(shape => outlines[shape]());
  }

  function shutters(state, map) {
    return shapes(state).map(outline =>
      node('path', { class: 'shutter', 'fill-rule': 'evenodd', fill: grey(state.ShutterPresentationValue), d: `M-9999 -9999H19999V19999H-9999Z${path(outline.map(map), true)}` })
    );
  }

  // ---- graphics and text ----

  const OUTLINES = {
    POINT: ([[x, y]]) => ({ dot: [x, y] }),
    POLYLINE: points => ({ points }),
    INTERPOLATED: points => ({ points, smooth: true }),
    CIRCLE([centre, edge]) {
      const radius = Math.hypot(edge[0] - centre[0], edge[1] - centre[1]);
      return { points: around(centre, [radius, 0], [0, radius]), closed: true };
    },
    /** The ends of the long axis, then those of the short one. */
    ELLIPSE([a, b, c, d]) {
      const half = (from, to) => [(to[0] - from[0]) / 2, (to[1] - from[1]) / 2];
      return { points: around([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], half(a, b), half(c, d)), closed: true };
    },
  };

  /** A curve through all points: Catmull-Rom, as cubic pieces. */
  function curve(points) {
    const at = index => points[Math.max(0, Math.min(points.length - 1, index))];
    return points.slice(1).reduce((drawn, point, index) => {
      const [before, from, , after] = [at(index - 1), at(index), point, at(index + 2)];
      const handles = [from[0] + (point[0] - before[0]) / 6, from[1] + (point[1] - before[1]) / 6, point[0] - (after[0] - from[0]) / 6, point[1] - (after[1] - from[1]) / 6];
      return `${drawn}C${[...handles, ...point].map(value => value.toFixed(2)).join(' ')}`;
    }, path(points.slice(0, 1)));
  }

  function graphic(object, to, colour) {
    const outline = OUTLINES[object.GraphicType];
    if (!outline) return [];
    const shape = outline(pairs(numbers(object.GraphicData)));
    const filled = object.GraphicFilled === 'Y' ? colour : 'none';
    if (shape.dot) {
      const [x, y] = to(object.GraphicAnnotationUnits)(shape.dot);
      return [node('circle', { cx: x, cy: y, r: 3, fill: colour })];
    }
    const points = shape.points.map(to(object.GraphicAnnotationUnits));
    const d = shape.smooth ? curve(points) : path(points, shape.closed);
    return [node('path', { d, ...HALO }), node('path', { d, fill: filled, stroke: colour, 'stroke-width': 1.5 })];
  }

  function text(object, to, colour) {
    const lines = String(object.UnformattedTextValue || '').split(/\r\n|\r|\n/);
    const anchor = object.AnchorPoint && to(object.AnchorPointAnnotationUnits)(numbers(object.AnchorPoint));
    const corners = ['BoundingBoxTopLeftHandCorner', 'BoundingBoxBottomRightHandCorner'].map(corner => object[corner] && to(object.BoundingBoxAnnotationUnits)(numbers(object[corner])));
    const boxed = corners.every(Boolean);
    if (!boxed && !anchor) return [];
    // turned images: whatever corner is the upper left on the screen
    const [x, y] = boxed ? [0, 1].map(axis => Math.min(corners[0][axis], corners[1][axis])) : [anchor[0] + 6, anchor[1] - FONT_PX];
    const spans = lines.map((line, at) => node('tspan', { x, dy: at ? FONT_PX * 1.25 : FONT_PX }, line));
    const drawn = [node('text', { x, y, fill: colour, 'font-size': FONT_PX, 'font-family': 'Inter, sans-serif', stroke: '#000', 'stroke-width': 3, 'paint-order': 'stroke' }, ...spans)];
    if (boxed && anchor && object.AnchorPointVisibility === 'Y') {
      const d = path([[x, y + FONT_PX], anchor]);
      drawn.unshift(node('path', { d, ...HALO }), node('path', { d, stroke: colour, fill: 'none' }));
    }
    return drawn;
  }

  function colourOf(layer) {
    const value = layer && numbers(layer.GraphicLayerRecommendedDisplayGrayscaleValue)[0];
    return value === undefined || Number.isNaN(value) ? WHITE : grey(value);
  }

  /**
   * @param element the viewport's element
   * @param drawn the state's parts for the image, or a falsy value to clear
   * @param map from [column, row] in the image to the canvas
   */
  window.quangViewer.drawPresentation = function (element, drawn, map) {
    const old = element.querySelector('svg.quang-presentation');
    if (!drawn) return old && old.remove();
    const [left, top, right, bottom] = drawn.area;
    const onDisplay = ([x, y]) => [left + x * (right - left), top + y * (bottom - top)];
    const to = units => (units === 'DISPLAY' ? onDisplay : map);
    const order = name => Number((drawn.layers.find(layer => layer.GraphicLayer === name) || {}).GraphicLayerOrder) || 0;
    const annotations = [...drawn.annotations].sort((a, b) => order(a.GraphicLayer) - order(b.GraphicLayer));
    const over = annotations.flatMap(item => {
      const colour = colourOf(drawn.layers.find(layer => layer.GraphicLayer === item.GraphicLayer));
      return [...many(item.GraphicObjectSequence).flatMap(object => graphic(object, to, colour)), ...many(item.TextObjectSequence).flatMap(object => text(object, to, colour))];
    });
    const svg = node('svg', { class: 'quang-presentation', 'aria-hidden': 'true' }, ...shutters(drawn.shutter, map), ...over);
    svg.style.cssText = 'position:absolute;inset:0;width:100%;height:100%;pointer-events:none;overflow:hidden;';
    if (old) old.replaceWith(svg);
    else element.append(svg);
  };
})();
