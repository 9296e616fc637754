// The process that holds a pod's namespaces open. It is the parent of orphans when the pod shares one process
// namespace, so it reaps; SIGTERM and SIGINT end it at once. No C library: the image is this file alone.
#if defined(__x86_64__)
enum { kRtSigprocmask = 14, kExit = 60, kWait4 = 61, kRtSigtimedwait = 128 };
static long Call4(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
enum { kRtSigprocmask = 135, kExit = 93, kWait4 = 260, kRtSigtimedwait = 137 };
static long Call4(long number, long a, long b, long c, long d) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
}
#else
#error "pause: this processor's system calls are not known here"
#endif

enum { kSigInt = 2, kSigTerm = 15, kSigChld = 17, kBlock = 0, kNoHang = 1, kSignalSetBytes = 8 };

__attribute__((noreturn, used)) void _start(void) {
  unsigned long signals = (1ul << (kSigInt - 1)) | (1ul << (kSigTerm - 1)) | (1ul << (kSigChld - 1));
  Call4(kRtSigprocmask, kBlock, (long)&signals, 0, kSignalSetBytes);
  for (;;) {
    long signal = Call4(kRtSigtimedwait, (long)&signals, 0, 0, kSignalSetBytes);
    if (signal == kSigChld) {
      while (Call4(kWait4, -1, 0, kNoHang, 0) > 0) {
      }
    } else if (signal == kSigInt || signal == kSigTerm) {
      for (;;) Call4(kExit, 0, 0, 0, 0);
    }
  }
}
