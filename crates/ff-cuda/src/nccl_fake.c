// As much of NVIDIA's driver and of NCCL as nccl.rs calls, for its tests: ranks are threads, and a GPU's memory is the process's.
// Work that is queued in a stream is done when somebody asks whether it is done. It answers as the environment tells.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int told(const char *name) { return getenv(name) ? atoi(getenv(name)) : 0; }

enum { RANKS = 4, MOST = 16 };
struct message { char bytes[64]; size_t count; };
struct part { int sends, rank, peer; char *at; size_t count; };
struct stream { struct part parts[MOST]; int first, end; };
struct communicator { int rank, ranks; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct message mail[RANKS][RANKS][MOST];
static int sent[RANKS][RANKS], received[RANKS][RANKS], joined;
static _Thread_local int in_group;

// What a rank has sent lies in the mail. What it receives is taken from there.
static int is_done(struct stream *stream) {
    pthread_mutex_lock(&lock);
    for (; stream->first < stream->end; stream->first++) {
        struct part *part = &stream->parts[stream->first % MOST];
        if (part->sends) continue;
        int *next = &received[part->peer][part->rank];
        if (*next == sent[part->peer][part->rank]) break;
        struct message *message = &mail[part->peer][part->rank][(*next)++ % MOST];
        if (message->count != part->count) abort();
        memcpy(part->at, message->bytes, part->count);
    }
    int done = stream->first == stream->end;
    pthread_mutex_unlock(&lock);
    return done;
}

static int queue(struct part part, int kind, struct stream *stream) {
    if (kind != 1 || !in_group || part.peer < 0 || part.peer >= RANKS || part.count > 64) return 4;
    pthread_mutex_lock(&lock);
    if (part.sends) {
        struct message *message = &mail[part.rank][part.peer][sent[part.rank][part.peer]++ % MOST];
        memcpy(message->bytes, part.at, part.count);
        message->count = part.count;
    }
    stream->parts[stream->end++ % MOST] = part;
    pthread_mutex_unlock(&lock);
    return 0;
}

int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = 0; return 0; }
static _Thread_local void *current;
int cuDevicePrimaryCtxRetain(void **context, int device) { static int one; *context = &one; return 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
int cuCtxGetCurrent(void **context) { *context = current; return 0; }
int cuCtxSetCurrent(void *context) { current = context; return 0; }
int cuCtxSynchronize(void) { return 0; }
int cuStreamCreate(struct stream **stream, unsigned flags) { *stream = calloc(1, sizeof **stream); return 0; }
int cuStreamDestroy_v2(struct stream *stream) { free(stream); return 0; }
int cuStreamQuery(struct stream *stream) { return is_done(stream) ? 0 : 600; }
int cuStreamSynchronize(struct stream *stream) { while (!is_done(stream)) {} return 0; }
int cuMemcpyDtoDAsync_v2(char *to, char *at, size_t count, struct stream *stream) { memcpy(to, at, count); return 0; }
int cuGetErrorName(int error, const char **text) { *text = "CUDA_ERROR"; return 0; }
int cuGetErrorString(int error, const char **text) { *text = "an error"; return 0; }

int ncclGetVersion(int *version) { *version = told("FAKE_VERSION"); return 0; }
int ncclGetUniqueId(char *id) {
    for (int i = 0; i < 128; i++) id[i] = 3 * i;
    return told("FAKE_RESULT");
}
const char *ncclGetErrorString(int result) { return result == 2 ? "unhandled system error" : "another"; }
const char *ncclGetLastError(void *communicator) { return getenv("FAKE_LAST"); }
struct id { char bytes[128]; };
int ncclCommInitRank(struct communicator **communicator, int ranks, struct id id, int rank) {
    if (rank < 0 || rank >= ranks || ranks > RANKS || id.bytes[1] != 3 || !current) return 4;
    *communicator = malloc(sizeof **communicator);
    **communicator = (struct communicator){rank, ranks};
    __atomic_add_fetch(&joined, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&joined, __ATOMIC_SEQ_CST) < ranks) {}
    return 0;
}
int ncclCommDestroy(struct communicator *communicator) {
    printf("said: rank %d is destroyed\n", communicator->rank);
    free(communicator);
    return 0;
}
int ncclCommGetAsyncError(struct communicator *communicator, int *state) { *state = told("FAKE_STATE"); return 0; }
int ncclGroupStart(void) { in_group++; return 0; }
int ncclGroupEnd(void) { in_group--; return 0; }
int ncclSend(char *at, size_t count, int kind, int to, struct communicator *communicator, struct stream *stream) {
    return queue((struct part){1, communicator->rank, to, at, count}, kind, stream);
}
int ncclRecv(char *at, size_t count, int kind, int from, struct communicator *communicator, struct stream *stream) {
    return queue((struct part){0, communicator->rank, from, at, count}, kind, stream);
}
