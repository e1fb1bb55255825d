/**
 * An extension of OHIF: the hanging protocol that the address names (hangingprotocolId=quang.<code>.<own studies>) is
 * fetched from the RIS before the first image, and the attributes by which it chooses are computed here. When it cannot
 * be had, one image is shown: OHIF would not open at all with a protocol that it does not know.
 */
(function () {
  const wanted = /^quang\.([a-z0-9-]{1,40})\.(\d{1,2})$/.exec(new URLSearchParams(window.location.search).get('hangingprotocolId') || '');
  const ANSWER_MS = 15 * 1000; // a busy computer takes seconds to read OHIF's scripts, and the answer waits with them
  const MAMMOGRAPHY_VIEWS = {
    // CID 4014; SNOMED CT, and the older SNOMED RT codes that devices still send
    399162004: 'CC', 399368009: 'MLO', 399260004: 'ML', 399352003: 'LM', 399099002: 'LMO', 399192008: 'SIO', 399101009: 'FB', 399265009: 'XCCL', 399011000: 'XCCM',
    'R-10242': 'CC', 'R-10226': 'MLO', 'R-10224': 'ML', 'R-10228': 'LM', 'R-10230': 'LMO', 'R-102D0': 'SIO', 'R-10244': 'FB', 'R-1024A': 'XCCL', 'R-1024B': 'XCCM',
  };
  const SPOKEN_VIEWS = ['XCCL', 'XCCM', 'MLO', 'CC', 'ML', 'LM', 'PA', 'AP', 'LAT', 'LATERAL', 'LL', 'RL'];
  const ANY = { seriesMatchingRules: [{ attribute: 'numImageFrames', constraint: { greaterThan: { value: 1 } } }] };
  const PLAIN = {
    name: '1 × 1',
    protocolMatchingRules: [],
    toolGroupIds: ['default'],
    displaySetSelectors: { any: ANY },
    stages: [
      {
        viewportStructure: { layoutType: 'grid', properties: { rows: 1, columns: 1 } },
        viewports: [{ viewportOptions: { toolGroupId: 'default', allowUnmatchedView: true }, displaySets: [{ id: 'any' }] }],
      },
    ],
  };

  // asked for and read at once: OHIF's own scripts take longer than the answer
  const address = wanted && `/open/hanging/${wanted[1]}/${wanted[2]}`;
  const asked = wanted && fetch(address, { signal: AbortSignal.timeout(ANSWER_MS) }).then(answer => (answer.ok ? answer.json() : null));
  if (asked) asked.catch(() => {}); // told where it is waited for
  let fetched = PLAIN;

  const first = set => (set.images && set.images[0]) || set.instance || (set.instances && set.instances[0]) || {};
  const shared = image => (image.SharedFunctionalGroupsSequence && [].concat(image.SharedFunctionalGroupsSequence)[0]) || {};
  const item = sequence => (sequence && [].concat(sequence)[0]) || {};
  const words = text => String(text || '').toUpperCase().split(/[^A-Z]+/);

  function description(set) {
    const image = first(set);
    return [set.SeriesDescription, image.SeriesDescription, image.ProtocolName].filter(Boolean).join(' ').toLowerCase();
  }

  /** What the device says of the view; else what the series' name says. */
  function view(set) {
    const image = first(set);
    const code = MAMMOGRAPHY_VIEWS[item(image.ViewCodeSequence).CodeValue];
    if (code) return code;
    if (image.ViewPosition) return String(image.ViewPosition).toUpperCase();
    const said = words(description(set)).map(word => word.replace(/^[LR](?=CC$|MLO$|ML$|LM$)/, ''));
    return SPOKEN_VIEWS.find(each => said.includes(each)) || '';
  }

  function laterality(set) {
    const image = first(set);
    const frame = item(shared(image).FrameAnatomySequence).FrameLaterality;
    const said = image.ImageLaterality || frame || image.Laterality || image.SeriesLaterality;
    if (said) return String(said).toUpperCase();
    const spoken = words(description(set));
    if (spoken.some(word => /^(L|LEFT|TRAI|LCC|LMLO)$/.test(word))) return 'L';
    return spoken.some(word => /^(R|RIGHT|PHAI|RCC|RMLO)$/.test(word)) ? 'R' : '';
  }

  /** The anatomical plane nearest to the image's (PS3.3 C.7.6.2): by the largest part of its normal. */
  function plane(set) {
    const image = first(set);
    const cosines = image.ImageOrientationPatient || item(shared(image).PlaneOrientationSequence).ImageOrientationPatient;
    if (!cosines || cosines.length !== 6) return '';
    const [a, b, c, d, e, f] = cosines.map(Number);
    const normal = [b * f - c * e, c * d - a * f, a * e - b * d].map(Math.abs);
    return ['sagittal', 'coronal', 'axial'][normal.indexOf(Math.max(...normal))];
  }

  window.quangViewer.extensions.push({
    id: 'quang.hanging',
    async preRegistration({ servicesManager }) {
      const { hangingProtocolService } = servicesManager.services;
      hangingProtocolService.addCustomAttribute('QuangView', 'View of the image', view);
      hangingProtocolService.addCustomAttribute('QuangLaterality', 'Side of the body: L or R', laterality);
      hangingProtocolService.addCustomAttribute('QuangPlane', 'Axial, coronal or sagittal', plane);
      hangingProtocolService.addCustomAttribute('QuangDescription', 'Names of the series, in lower case', description);
      if (!wanted) return;
      // the mode asks for the first stage; which one finds its images is for the protocol to say
      const run = hangingProtocolService.run.bind(hangingProtocolService);
      hangingProtocolService.run = (data, id, options) => run(data, id, id === wanted[0] ? { ...options, stageIndex: undefined } : options);
      try {
        fetched = (await asked) || PLAIN;
      } catch (error) {
        console.warn('the hanging protocol could not be had', error);
      }
    },
    getHangingProtocolModule: () => (wanted ? [{ name: wanted[0], protocol: { ...fetched, id: wanted[0] } }] : []),
  });
})();
