/**
 * How OHIF is set up in Quang. Read by the browser before OHIF itself; must stay a plain object (no imports).
 *
 * Everything is of one origin: the images come from /dicom-web with the HttpOnly cookie that the RIS or a viewer link
 * has set, so no token appears here or in an address.
 */
window.config = {
  name: 'quang',
  routerBasename: window.PUBLIC_URL.replace(/\/$/, ''),
  showStudyList: false, // the worklist is the RIS's; the viewer shows the study that it was opened on
  extensions: window.quangViewer.extensions,
  modes: [],
  modesConfiguration: {
    // beside the report every centimetre is the image's: the list of series opens by its button
    '@ohif/mode-longitudinal': {
      toolbarButtons: { $push: window.quangViewer.buttons },
      toolbarSections: { $push: [{ primary: [...window.quangViewer.primary, 'MeasurementTools', 'Zoom', 'Pan', 'TrackballRotate', 'WindowLevel', 'Capture', 'Layout', 'Crosshairs', 'MoreTools'], ...window.quangViewer.sections }] },
      routes: { 0: { layoutInstance: { props: { leftPanelClosed: { $set: window.parent !== window } } } } },
    },
  },
  // the guided tour covers the image at every first visit of a browser; radiologists' browsers forget their storage
  customizationService: { 'ohif.tours': { $set: [] } },
  // beside the report the page's own strip says whose images these are
  showPatientInfo: window.parent !== window ? 'disabled' : 'visible',
  investigationalUseDialog: { option: 'never' },
  showWarningMessageForCrossOrigin: false,
  showCPUFallbackMessage: true,
  showLoadingIndicator: true,
  showErrorDetails: 'production',
  strictZSpacingForVolumeViewport: true,
  groupEnabledModesFirst: true,
  allowMultiSelectExport: false,
  maxNumberOfWebWorkers: 3,
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 10 },
  studyPrefetcher: { enabled: false },
  defaultDataSourceName: 'quang',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'quang',
      configuration: {
        friendlyName: 'Quang',
        name: 'quang',
        wadoUriRoot: '/wado',
        qidoRoot: '/dicom-web',
        wadoRoot: '/dicom-web',
        qidoSupportsIncludeField: true,
        supportsReject: false,
        supportsStow: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        enableStudyLazyLoad: true,
        singlepart: 'video,pdf', // by the gateway; Orthanc answers bulk data in many parts only
        bulkDataURI: { enabled: true, relativeResolution: 'studies' },
        // Orthanc answers frames as stored; a transfer syntax is never asked for (the front door would not pass it on)
        omitQuotationForMultipartRequest: true,
        acceptHeader: ['multipart/related; type=application/octet-stream; transfer-syntax=*'],
      },
    },
  ],
  whiteLabeling: {
    createLogoComponentFn: function (React) {
      if (window.parent !== window) return React.createElement('span'); // none at all would be OHIF's own
      const name = React.createElement(
        'span',
        { key: 'name', style: { fontWeight: 600, fontSize: '18px', letterSpacing: '0.02em', color: '#e6edf6', padding: '0 8px' } },
        'Quang'
      );
      // opened by a result link: the report is one press away; its digits grant nothing, a cookie does
      const query = new URLSearchParams(window.location.search);
      const digits = query.get('report') || '';
      if (!/^[0-9a-f]{12}$/.test(digits)) return name;
      const link = React.createElement(
        'a',
        {
          key: 'report',
          href: '/open/report/' + digits,
          target: '_blank',
          rel: 'noopener noreferrer',
          style: { color: '#06171c', background: '#4cc1d6', borderRadius: '6px', padding: '4px 12px', fontWeight: 600, fontSize: '14px' },
        },
        query.get('lng') === 'vi' ? 'Kết quả' : 'Report'
      );
      return React.createElement(React.Fragment, null, name, link);
    },
  },
};
