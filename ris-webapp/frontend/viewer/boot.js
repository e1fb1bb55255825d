/** What OHIF's page has as inline scripts, in a file of its own, so that the content security policy can forbid them. */
window.quangViewer = { extensions: [], buttons: [], primary: [], sections: {} };
window.PUBLIC_URL = document.currentScript.src.replace(/[^/]*$/, '').replace(window.location.origin, '');
window.browserImportFunction = function (name) {
  return import(name);
};
