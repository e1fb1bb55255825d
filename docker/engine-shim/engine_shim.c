/* Preloaded into Debian's Orthanc (LD_PRELOAD). Three corrections, each of one libc call; see docs/adr on the engine.
 *
 * 1. libcivetweb asks for HTTP threads of 100 KB; 64 nested DICOM sequences or 300 nested JSON arrays overflow that
 *    and kill the whole server. Every thread gets at least 8 MB of (lazily committed) stack.
 * 2. Orthanc has no setting for the address its DICOM port binds to. QUANG_DICOM_HOST (an IPv4 address) replaces
 *    "any address" (0.0.0.0) in bind(), so that a suite on a workstation listens on loopback only; for the port in
 *    QUANG_DICOM_HOST_PORT only where that is set (containers, whose HTTP is asked from elsewhere).
 *
 * 3. DCMTK and GDCM bring different releases of CharLS that export the same names. GDCM's calls would land in DCMTK's
 *    copy and end the server as soon as a JPEG 2000 image is asked for as JPEG-LS (a viewer or a device may). Each
 *    caller gets its own. (RTLD_DEEPBIND is no way: GDCM would get a std::cerr that was never made.) */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MINIMUM_STACK_BYTES = 8 * 1024 * 1024 };

int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t bytes) {
  static int (*real)(pthread_attr_t *, size_t);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "pthread_attr_setstacksize");
  return real(attributes, bytes < MINIMUM_STACK_BYTES ? MINIMUM_STACK_BYTES : bytes);
}

int bind(int descriptor, const struct sockaddr *address, socklen_t length) {
  static int (*real)(int, const struct sockaddr *, socklen_t);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "bind");
  const char *host = getenv("QUANG_DICOM_HOST");
  const char *port = getenv("QUANG_DICOM_HOST_PORT");
  struct sockaddr_in changed;
  if (host && length == sizeof changed && address->sa_family == AF_INET) {
    memcpy(&changed, address, sizeof changed);
    if (changed.sin_addr.s_addr == htonl(INADDR_ANY) && (!port || atoi(port) == ntohs(changed.sin_port)) &&
        inet_pton(AF_INET, host, &changed.sin_addr) == 1)
      return real(descriptor, (struct sockaddr *)&changed, sizeof changed);
  }
  return real(descriptor, address, length);
}

/* The entry of CharLS that belongs to the library the call comes from. */
static void *charls_of(const void *caller, const char *name) {
  Dl_info library;
  if (dladdr(caller, &library) && library.dli_fname && strstr(library.dli_fname, "libgdcm")) {
    void *gdcms = dlopen("libcharls.so.2", RTLD_LAZY | RTLD_NOLOAD);
    if (gdcms) return dlsym(gdcms, name);
  }
  return dlsym(RTLD_NEXT, name);
}

/* All arguments are pointers or sizes, seven at most; handing on more than the caller gave does no harm. */
#define CHARLS(name)                                                                            \
  long name(long a, long b, long c, long d, long e, long f, long g) {                           \
    long (*real)(long, long, long, long, long, long, long);                                     \
    *(void **)&real = charls_of(__builtin_return_address(0), #name);                            \
    return real(a, b, c, d, e, f, g);                                                           \
  }
CHARLS(JpegLsEncode)
CHARLS(JpegLsDecode)
CHARLS(JpegLsDecodeRect)
CHARLS(JpegLsReadHeader)
