// The viewer of a disc: opened by file://, so it fetches nothing. Pictures are <img>, everything else is in data.js.
(function () {
  'use strict';
  var disc = window.QUANG_DISC;
  var words = {
    vi: { notice: 'Chỉ để xem, KHÔNG dùng để chẩn đoán. Ảnh gốc nằm trong thư mục DICOM.', shown: 'Hình hiển thị nén JPEG có mất dữ liệu.',
      lossy: 'Ảnh gốc đã được máy nén có mất dữ liệu.', image: 'Ảnh', as: 'Như máy chụp', bright: 'Sáng', contrast: 'Tương phản', fit: 'Vừa khung', larger: 'Phóng to',
      smaller: 'Thu nhỏ', play: 'Chạy', stop: 'Dừng', invert: 'Âm bản', report: 'Phiếu kết quả (PDF)', none: 'Không có hình xem được; mở bằng phần mềm DICOM.',
      disc: 'Đĩa', of: 'trên', made: 'Làm lúc', born: 'Sinh', missing: 'Không đọc được hình này.', window: 'Cửa sổ', lacks: 'BẢN XUẤT KHÔNG ĐỦ, thiếu:', list: 'xem MISSING.TXT', other: 'English' },
    en: { notice: 'For viewing only, NOT for diagnosis. The original images are in the folder DICOM.', shown: 'What is shown is compressed with loss (JPEG).',
      lossy: 'The original image was compressed with loss by its device.', image: 'Image', as: 'As acquired', bright: 'Brightness', contrast: 'Contrast', fit: 'Fit', larger: 'Zoom in',
      smaller: 'Zoom out', play: 'Play', stop: 'Stop', invert: 'Invert', report: 'Report (PDF)', none: 'No picture to show; open it with DICOM software.',
      disc: 'Disc', of: 'of', made: 'Made', born: 'Born', missing: 'This picture cannot be read.', window: 'Window', lacks: 'INCOMPLETE EXPORT, missing:', list: 'see MISSING.TXT', other: 'Tiếng Việt' }
  };
  var language = 'vi', series = [], current = 0, frame = 0, window_ = 0, bright = 100, contrast = 100, invert = false;
  var zoom = 1, left = 0, top_ = 0, playing = 0;
  var picture = at('picture'), stage = at('stage'), slider = at('slider');

  function at(id) { return document.getElementById(id); }
  function make(name, text, into) { var e = document.createElement(name); e.textContent = text || ''; if (into) into.appendChild(e); return e; }
  function word(key) { return words[language][key]; }
  function date(text) { return /^\d{8}$/.test(text) ? text.slice(6) + '/' + text.slice(4, 6) + '/' + text.slice(0, 4) : text; }
  function path(name) { return name.split('/').map(encodeURIComponent).join('/'); }

  function list() {
    var box = at('list'); box.textContent = ''; series = [];
    make('p', disc.hospital + '\n' + word('made') + ' ' + disc.made, box).style.whiteSpace = 'pre-line';
    if (disc.discs > 1) make('p', word('disc') + ' ' + disc.disc + ' ' + word('of') + ' ' + disc.discs, box);
    disc.patients.forEach(function (patient) {
      make('h2', patient.name, box);
      make('p', patient.id + (patient.born ? ' · ' + word('born') + ' ' + date(patient.born) : '') + (patient.sex ? ' · ' + patient.sex : ''), box);
      patient.studies.forEach(function (study) {
        make('h3', date(study.date) + ' ' + study.description, box);
        study.reports.forEach(function (report) { var a = make('a', word('report'), box); a.href = path(report); a.target = '_blank'; });
        study.series.forEach(function (one) {
          var number = series.push({ patient: patient, study: study, one: one }) - 1;
          var button = make('button', '', box); button.className = 'series'; button.type = 'button';
          if (one.frames.length) { var small = make('img', '', button); small.alt = ''; small.loading = 'lazy'; small.src = path(one.frames[Math.floor(one.frames.length / 2)][0]); }
          make('span', one.modality + ' ' + (one.number || '') + ' ' + one.description + ' (' + one.frames.length + ')', button);
          button.onclick = function () { open(number); };
          button.setAttribute('aria-current', String(number === current));
        });
      });
    });
  }

  function tools() {
    var box = at('tools'); box.textContent = '';
    var found = series[current];
    if (found && found.one.windows.length > 1) {
      found.one.windows.forEach(function (name, number) {
        var button = make('button', name ? name.split(' / ')[language === 'vi' ? 0 : 1] : word('as'), box);
        button.setAttribute('aria-pressed', String(number === window_)); button.type = 'button';
        button.title = word('window') + ' ' + (number + 1);
        button.onclick = function () { window_ = number; tools(); show(); };
      });
    }
    range('bright', bright, function (value) { bright = value; look(); });
    range('contrast', contrast, function (value) { contrast = value; look(); });
    press('invert', function () { invert = !invert; tools(); look(); }).setAttribute('aria-pressed', String(invert));
    press('larger', function () { scale(1.25); }); press('smaller', function () { scale(0.8); });
    press('fit', reset);
    if (found && found.one.frames.length > 1) press(playing ? 'stop' : 'play', play);
    press('other', function () { language = language === 'vi' ? 'en' : 'vi'; document.documentElement.lang = language; all(); });
    function press(key, action) { var b = make('button', word(key), box); b.type = 'button'; b.onclick = action; return b; }
    function range(key, value, action) {
      var label = make('label', word(key), box), input = document.createElement('input');
      input.type = 'range'; input.min = 20; input.max = 300; input.value = value; label.appendChild(input);
      input.oninput = function () { action(Number(input.value)); };
    }
  }

  function look() {
    picture.style.filter = 'brightness(' + bright + '%) contrast(' + contrast + '%)' + (invert ? ' invert(1)' : '');
    picture.style.transform = 'translate(' + left + 'px,' + top_ + 'px) scale(' + zoom + ')';
  }
  function scale(by) { zoom = Math.min(20, Math.max(0.2, zoom * by)); look(); }
  function reset() { zoom = 1; left = top_ = 0; bright = contrast = 100; invert = false; tools(); look(); }

  function show() {
    at('notice').textContent = word('notice') + (disc.incomplete ? ' ' + word('lacks') + ' ' + disc.missing + ' (' + word('list') + ').' : '');
    var found = series[current];
    if (!found) { at('place').textContent = word('none'); return; }
    var count = found.one.frames.length;
    frame = Math.max(0, Math.min(frame, count - 1));
    slider.max = Math.max(0, count - 1); slider.value = frame; slider.hidden = count < 2;
    at('names').textContent = found.patient.name + '\n' + found.patient.id + (found.patient.born ? ' · ' + date(found.patient.born) : '') + '\n' + found.study.description;
    at('place').textContent = count ? found.one.description + '\n' + word('image') + ' ' + (frame + 1) + '/' + count : word('none');
    at('loss').textContent = word('shown') + (found.one.lossy ? '\n' + word('lossy') : '');
    stage.setAttribute('aria-label', at('place').textContent);
    picture.hidden = !count;
    if (!count) return;
    picture.src = path(found.one.frames[frame][window_] || found.one.frames[frame][0]);
    [frame + 1, frame + 2].forEach(function (next) { if (next < count) new Image().src = path(found.one.frames[next][window_] || found.one.frames[next][0]); });
  }
  picture.onerror = function () { at('place').textContent = word('missing'); };

  function open(number) {
    if (!series.length) { show(); return; }
    current = (number + series.length) % series.length; frame = 0; window_ = 0; stop(); reset();
    Array.prototype.forEach.call(document.querySelectorAll('button.series'), function (b, place) { b.setAttribute('aria-current', String(place === current)); });
    show();
  }
  function move(by) { frame += by; show(); }
  function stop() { if (playing) clearInterval(playing); playing = 0; }
  function play() {
    if (playing) { stop(); tools(); return; }
    playing = setInterval(function () { frame = (frame + 1) % series[current].one.frames.length; show(); }, 1000 / (series[current].one.fps || 10));
    tools();
  }
  function all() { list(); tools(); show(); look(); }

  slider.oninput = function () { frame = Number(slider.value); show(); };
  stage.addEventListener('wheel', function (event) { event.preventDefault(); if (event.ctrlKey) scale(event.deltaY < 0 ? 1.1 : 0.9); else move(event.deltaY > 0 ? 1 : -1); }, { passive: false });
  var drag = null;
  stage.addEventListener('pointerdown', function (event) { drag = [event.clientX, event.clientY]; try { stage.setPointerCapture(event.pointerId); } catch (gone) { drag = null; } });
  stage.addEventListener('pointermove', function (event) {
    if (!drag) return;
    left += event.clientX - drag[0]; top_ += event.clientY - drag[1]; drag = [event.clientX, event.clientY]; look();
  });
  stage.addEventListener('pointerup', function () { drag = null; });
  stage.addEventListener('dblclick', reset);
  document.addEventListener('keydown', function (event) {
    if (event.target.type === 'range' && event.target !== slider) return;
    var keys = { ArrowDown: function () { move(1); }, ArrowUp: function () { move(-1); }, ArrowRight: function () { move(1); }, ArrowLeft: function () { move(-1); },
      PageDown: function () { open(current + 1); }, PageUp: function () { open(current - 1); }, '+': function () { scale(1.25); }, '-': function () { scale(0.8); },
      '0': reset, i: function () { invert = !invert; tools(); look(); }, Home: function () { frame = 0; show(); }, End: function () { frame = 1e9; show(); } };
    var action = keys[event.key];
    if (!action && series[current] && /^[1-9]$/.test(event.key) && Number(event.key) <= series[current].one.windows.length) action = function () { window_ = Number(event.key) - 1; tools(); show(); };
    if (!action && event.key === ' ' && event.target.tagName !== 'BUTTON' && event.target.tagName !== 'A' && series[current]) action = play;
    if (action && !event.ctrlKey && !event.altKey && !event.metaKey) { event.preventDefault(); action(); }
  });
  list(); open(0); tools();
})();
