/* Stands in for libcuda.so.1 where there is no GPU: one device of 64 MiB whose memory is the host's, on which nothing is computed. */
#include <stdlib.h>
#include <string.h>

typedef long long i64;

static const i64 TOTAL = 64 << 20;
static i64 taken;

int cuInit(int flags) { return flags; }
int cuGetErrorName(int code, const char** name) { *name = code == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_UNKNOWN"; return 0; }
int cuGetErrorString(int code, const char** text) { *text = code == 2 ? "out of memory" : "unknown error"; return 0; }
int cuDeviceGetCount(int* count) { *count = 1; return 0; }
int cuDeviceGet(int* device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char* name, int room, int device) { strncpy(name, "Stand-in", room); return device; }
int cuDeviceGetAttribute(int* value, int attribute, int device) {
    *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 16 ? 4 : attribute == 97 ? 232448 : 0;
    return device;
}
int cuDriverGetVersion(int* version) { *version = 13000; return 0; }
int cuDevicePrimaryCtxRetain(i64* context, int device) { *context = 1; return device; }
int cuDevicePrimaryCtxRelease_v2(int device) { return device; }
int cuCtxSetCurrent(i64 context) { return context == 1 ? 0 : 201; }
int cuMemAlloc_v2(i64* memory, i64 bytes) {
    if (taken + bytes > TOTAL) {
        return 2;
    }
    i64* at = malloc(64 + bytes);
    at[0] = bytes;
    taken += bytes;
    *memory = (i64) at + 64;
    return 0;
}
int cuMemFree_v2(i64 memory) {
    i64* at = (i64*) (memory - 64);
    taken -= at[0];
    free(at);
    return 0;
}
int cuMemGetInfo_v2(i64* available, i64* total) { *available = TOTAL - taken; *total = TOTAL; return 0; }
int cuMemHostAlloc(i64* memory, i64 bytes, int flags) { *memory = (i64) malloc(bytes); return flags; }
int cuMemFreeHost(i64 memory) { free((void*) memory); return 0; }
int cuMemcpyHtoDAsync_v2(i64 to, i64 from, i64 bytes, i64 stream) { memcpy((void*) to, (void*) from, bytes); return stream != 7; }
int cuMemcpyDtoHAsync_v2(i64 to, i64 from, i64 bytes, i64 stream) { memcpy((void*) to, (void*) from, bytes); return stream != 7; }
int cuMemsetD8Async(i64 memory, int value, i64 bytes, i64 stream) { memset((void*) memory, value, bytes); return stream != 7; }
int cuStreamCreate(i64* stream, int flags) { *stream = 7; return flags != 1; }
int cuStreamDestroy_v2(i64 stream) { return stream != 7; }
int cuStreamSynchronize(i64 stream) { return stream != 7; }
int cuEventCreate(i64* event, int flags) { *event = 5; return flags; }
int cuEventDestroy_v2(i64 event) { return event != 5; }
int cuEventRecord(i64 event, i64 stream) { return event != 5 || stream != 7; }
int cuEventSynchronize(i64 event) { return event != 5; }
int cuLaunchKernelEx(void) { return 801; }
int cuGraphLaunch(void) { return 801; }
