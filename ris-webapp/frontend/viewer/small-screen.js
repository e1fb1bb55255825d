/** On a telephone the light page of our own is opened instead, before anything large is fetched; ?full=1 stays here. */
(function () {
  const SMALL_PX = 600;
  const query = new URLSearchParams(window.location.search);
  if (window.parent !== window || query.has('full') || !query.has('StudyInstanceUIDs')) return;
  if (Math.min(window.screen.width, window.screen.height) >= SMALL_PX) return;
  window.stop(); // OHIF's own scripts come after this one
  window.location.replace('/open/phone' + window.location.search);
})();
