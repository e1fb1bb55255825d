/**
 * How frames are asked for: as they are stored, or on a slow link losslessly compressed (HTJ2K, by the web app's
 * gateway). Which of the two is decided by the rate that real transfers had, unless the user has chosen. Either way the
 * pixels are the same when a frame is complete; slow-link.js says so when it is not.
 */
(function () {
  const SLOW_MBIT = 40; // below, frames are asked for compressed: encoding and decoding cost less than the bytes saved
  const FAST_MBIT = 80; // above, as stored again; in between it stays as it is
  const SAMPLE_BYTES = 512 * 1024;
  const SAMPLE_MS = 1000; // a very slow link is told by less
  const TRANSFERS = 24; // several times as many as are under way at once
  const RECENT_MS = 15 * 1000;
  const SMALLEST_BYTES = 32 * 1024; // what is smaller tells how long the way is, not how wide
  const REMEMBERED_MS = 3600 * 1000; // a rate measured in another tab is a first guess for so long
  const ASK_MS = 3000;
  const CHOICES = ['auto', 'stored', 'small'];
  const RATE_KEY = 'quang-link-rate';
  const CHOICE_KEY = 'quang-link-choice';
  const FRAME = /\/dicom-web\/studies\/[0-9.]+\/series\/[0-9.]+\/instances\/[0-9.]+\/frames\/\d+$/;
  const COMPRESSED =
    'multipart/related; type="image/jphc"; transfer-syntax=1.2.840.10008.1.2.4.202, multipart/related; type="application/octet-stream"; transfer-syntax=*';

  const listeners = new Set();
  let choice = 'auto';
  let rate = null; // Mbit/s
  let slow = false;

  const compressing = () => choice === 'small' || (choice === 'auto' && slow);
  const tell = () => listeners.forEach(listener => listener());

  // ---- measuring: the browser's own times of first and last byte, which a busy page does not falsify ----

  function judge(measured) {
    rate = measured;
    const before = slow;
    slow = slow ? measured < FAST_MBIT : measured < SLOW_MBIT;
    if (slow || before) tell(); // on a fast link nothing is shown that could change
  }

  let transfers = []; // the newest ones

  /** Mbit/s of the newest transfers together; what others had of the link meanwhile makes it less, never more. */
  function rateOf(some) {
    let bytes = 0;
    let milliseconds = 0;
    let end = 0;
    for (const transfer of [...some].sort((one, other) => one.start - other.start)) {
      bytes += transfer.bytes;
      milliseconds += Math.max(0, transfer.end - Math.max(transfer.start, end));
      end = Math.max(end, transfer.end);
    }
    return bytes < SAMPLE_BYTES && milliseconds < SAMPLE_MS ? null : (bytes * 8) / 1000 / Math.max(milliseconds, 0.5);
  }

  function measure(entry) {
    const bytes = entry.transferSize > 0 ? entry.encodedBodySize : 0; // 0: it came from the browser's cache
    const { pathname } = new URL(entry.name);
    if (bytes < SMALLEST_BYTES || !(FRAME.test(pathname) || pathname.startsWith('/viewer/'))) return;
    const { responseStart: start, responseEnd: end } = entry;
    transfers = [...transfers.filter(transfer => end - transfer.end < RECENT_MS), { start, end, bytes }].slice(-TRANSFERS);
    const measured = rateOf(transfers);
    if (measured === null) return;
    judge(measured);
    remember(RATE_KEY, JSON.stringify({ rate, at: Date.now() }));
  }

  function remember(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch (error) {
      // a browser that keeps nothing measures again
    }
  }

  function recall(key) {
    try {
      return localStorage.getItem(key) || '';
    } catch (error) {
      return '';
    }
  }

  function firstGuess() {
    try {
      const last = JSON.parse(recall(RATE_KEY));
      if (typeof last.rate === 'number' && Math.abs(Date.now() - last.at) < REMEMBERED_MS) judge(last.rate);
    } catch (error) {
      // none yet
    }
  }

  // ---- asking ----

  const plainFetch = window.fetch;
  window.fetch = function (resource, options) {
    if (compressing() && typeof resource === 'string' && FRAME.test(resource)) {
      const asked = plainFetch.call(this, resource, { ...options, headers: { ...(options && options.headers), Accept: COMPRESSED } });
      return asked.then(window.quangCoarseFirst);
    }
    return plainFetch.call(this, resource, options);
  };

  const { open, setRequestHeader } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, address, ...others) {
    this.quangFrame = FRAME.test(String(address));
    return open.call(this, method, address, ...others);
  };
  XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
    const accept = this.quangFrame && name.toLowerCase() === 'accept' && compressing();
    return setRequestHeader.call(this, name, accept ? COMPRESSED : value);
  };

  // ---- choosing: kept with the user, or in this browser for who has come by a link ----

  let token = null;

  function choose(wanted) {
    if (!CHOICES.includes(wanted)) return;
    choice = wanted;
    remember(CHOICE_KEY, wanted);
    tell();
    if (token === null) return;
    const body = new URLSearchParams({ images: wanted });
    plainFetch('/preferences/', { method: 'POST', body, headers: { 'X-CSRFToken': token, 'HX-Request': 'true' } }).catch(() => {});
  }

  async function choiceOfUser() {
    const answer = await plainFetch('/preferences/images/', { headers: { Accept: 'application/json', 'X-Quang-Background': '1' } });
    if (answer.status !== 200) return; // nobody has logged in
    const known = await answer.json();
    token = known.token;
    if (CHOICES.includes(known.images) && known.images !== choice) {
      choice = known.images;
      remember(CHOICE_KEY, choice);
      tell();
    }
  }

  const kept = recall(CHOICE_KEY);
  if (CHOICES.includes(kept)) choice = kept;
  firstGuess();
  // not while the page is being built: what this browser remembers holds until then
  const whenIdle = window.requestIdleCallback || (run => setTimeout(run, ASK_MS)); // Safari has none
  whenIdle(() => choiceOfUser().catch(() => {}), { timeout: ASK_MS });
  new PerformanceObserver(list => list.getEntries().forEach(measure)).observe({ type: 'resource', buffered: true });

  window.quangLink = {
    choose,
    compressing,
    /** @returns {{choice: string, rate: number | null, compressing: boolean}} rate in Mbit/s */
    state: () => ({ choice, rate, compressing: compressing() }),
    onChange: listener => listeners.add(listener),
  };
})();
