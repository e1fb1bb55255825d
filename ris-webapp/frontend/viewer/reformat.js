/**
 * An extension of OHIF: reformatted planes and volumes by one press each, and what a thick slab shows of its voxels:
 * the brightest (MIP), the darkest (MinIP) or their mean. It works on the volumes that are shown; without one, planes
 * are laid out first.
 */
(function () {
  const SLAB_MM = 10;
  const LOOK_MS = 250;
  const LOOKS = 1200; // large volumes and busy computers take their time
  const ASKED_AT = [0, 40]; // planes asked for while the viewer lays out something else may be passed over
  const vietnamese = new URLSearchParams(window.location.search).get('lng') === 'vi';
  const say = (vi, en) => (vietnamese ? vi : en);
  let services;
  let commands;
  let chosen = 0; // what is pressed later ends what is waited for

  function volumeViewports() {
    const { viewportGridService, cornerstoneViewportService } = services;
    const shown = [...viewportGridService.getState().viewports.keys()];
    return shown
      .map(id => cornerstoneViewportService.getCornerstoneViewport(id))
      .filter(viewport => viewport && viewport.type === 'orthographic');
  }

  /** Whether every plane shows it: one whose volume is not there yet keeps nothing of what it is told. */
  function blend(mode, millimetres) {
    const viewports = volumeViewports();
    const wanted = window.cornerstone.Enums.BlendModes[mode];
    for (const viewport of viewports) {
      viewport.setBlendMode(wanted);
      if (millimetres > 0) viewport.setSlabThickness(millimetres);
      else viewport.resetSlabThickness();
      viewport.render();
    }
    return viewports.length > 0 && viewports.every(viewport => viewport.getBlendMode() === wanted);
  }

  /** Lays out planes when none are shown, and looks again when their volume is there. */
  function slab(mode, millimetres, look = 0, choice = chosen) {
    if (choice !== chosen || blend(mode, millimetres) || look === LOOKS) return;
    if (ASKED_AT.includes(look) && !volumeViewports().length) commands.run('setHangingProtocol', { protocolId: 'mpr' });
    setTimeout(() => slab(mode, millimetres, look + 1, choice), LOOK_MS);
  }

  function choose(run) {
    chosen += 1;
    run();
  }

  /** PET and CT fused: OHIF's own mode for it, on the same studies and under the same grant. */
  function fuse() {
    const modalities = services.displaySetService.getActiveDisplaySets().map(set => set.Modality);
    if (!['PT', 'CT'].every(each => modalities.includes(each))) {
      const message = say('Cần chuỗi PET và chuỗi CT trong cùng ca.', 'A PET and a CT series of the same exam are needed.');
      services.uiNotificationService.show({ title: 'PET/CT', message, type: 'info', duration: 4000 });
      return;
    }
    const query = new URLSearchParams(window.location.search);
    query.delete('hangingprotocolId');
    window.location.assign(`${window.PUBLIC_URL}tmtv?${query}`);
  }

  const choices = [
    { id: 'QuangMPR', icon: 'layout-advanced-mpr', label: 'MPR', run: () => commands.run('setHangingProtocol', { protocolId: 'mpr' }) },
    { id: 'QuangMIP', icon: 'layout-advanced-mpr', label: 'MIP', run: () => slab('MAXIMUM_INTENSITY_BLEND', SLAB_MM) },
    { id: 'QuangMinIP', icon: 'layout-advanced-mpr', label: 'MinIP', run: () => slab('MINIMUM_INTENSITY_BLEND', SLAB_MM) },
    { id: 'QuangAverage', icon: 'layout-advanced-mpr', label: say('Trung bình', 'Average'), run: () => slab('AVERAGE_INTENSITY_BLEND', SLAB_MM) },
    { id: 'QuangThin', icon: 'layout-advanced-mpr', label: say('Lát mỏng', 'Thin slice'), run: () => blend('COMPOSITE', 0) },
    { id: 'QuangVolume', icon: 'layout-advanced-3d-only', label: say('Khối 3D', 'Volume'), run: () => commands.run('setHangingProtocol', { protocolId: 'only3D' }) },
    { id: 'QuangFourUp', icon: 'layout-advanced-3d-four-up', label: say('3D bốn khung', '3D four up'), run: () => commands.run('setHangingProtocol', { protocolId: 'fourUp' }) },
    { id: 'QuangFusion', icon: 'layout-advanced-mpr', label: say('PET/CT chồng hình', 'PET/CT fusion'), run: fuse },
    { id: 'QuangPlain', icon: 'layout-common-1x1', label: say('Ảnh gốc', 'Stored images'), run: () => commands.run('setHangingProtocol', { protocolId: 'default' }) },
  ];

  window.quangViewer.extensions.push({
    id: 'quang.reformat',
    preRegistration({ servicesManager, commandsManager }) {
      services = servicesManager.services;
      commands = commandsManager;
    },
    getCommandsModule: () => ({
      definitions: Object.fromEntries(choices.map(({ id, run }) => [id, { commandFn: () => choose(run) }])),
      defaultContext: 'DEFAULT',
    }),
  });
  window.quangViewer.buttons.push(
    { id: 'Reformat', uiType: 'ohif.toolButtonList', props: { buttonSection: true } },
    ...choices.map(({ id, icon, label }) => ({
      id,
      uiType: 'ohif.toolButton',
      props: { icon, label, tooltip: label, commands: id, evaluate: 'evaluate.action' },
    }))
  );
  window.quangViewer.primary.push('Reformat');
  window.quangViewer.sections.Reformat = choices.map(({ id }) => id);
})();
