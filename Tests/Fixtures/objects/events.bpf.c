// Programs that hang on events of the kernel, in the style of small tracing tools, without CO-RE:
// counters by process, a ring of events, a timer in a map's value.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))
#define NUMBER(name, value) int (*name)[value]

static void *(*const lookup)(void *map, const void *key) = (void *)1;
static long (*const update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static u64 (*const ktime)(void) = (void *)5;
static u64 (*const process)(void) = (void *)14;
static long (*const command)(void *text, u32 size) = (void *)16;
static long (*const read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static void *(*const reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*const submit)(void *data, u64 flags) = (void *)132;
static void (*const discard)(void *data, u64 flags) = (void *)133;
static long (*const repeat)(u32 count, void *function, void *data, u64 flags) = (void *)181;
static long (*const each)(void *map, void *function, void *data, u64 flags) = (void *)164;

struct event {
  u64 time;
  u32 process;
  char command[16];
};

struct {
  NUMBER(type, 1);
  NUMBER(max_entries, 1024);
  u32 *key;
  u64 *value;
} counts SECTION(".maps");

struct {
  NUMBER(type, 27);
  NUMBER(max_entries, 4096);
} events SECTION(".maps");

static void count(u32 key) {
  u64 one = 1;
  u64 *known = lookup(&counts, &key);
  if (known)
    __sync_fetch_and_add(known, 1);
  else
    update(&counts, &key, &one, 0);
}

SECTION("kprobe/do_unlinkat") int entered(void *registers) {
  count(process() >> 32);
  return 0;
}

SECTION("kretprobe/do_unlinkat") int left(u64 *registers) {
  u64 word = 0;
  read_kernel(&word, sizeof(word), (void *)registers[10]);
  count(word);
  return 0;
}

SECTION("tracepoint/syscalls/sys_enter_openat") int opened(u64 *fields) {
  struct event *event = reserve(&events, sizeof(*event), 0);
  if (!event)
    return 0;
  event->time = ktime();
  event->process = process() >> 32;
  if (command(event->command, sizeof(event->command)) < 0) {
    discard(event, 0);
    return 0;
  }
  event->process ^= fields[2] & 1;
  submit(event, 0);
  return 0;
}

static long step(u32 index, u64 *sum) {
  *sum += index;
  return 0;
}

SECTION("raw_tracepoint/sched_switch") int switched(u64 *arguments) {
  u64 sum = 0;
  repeat(arguments[0] & 15, step, &sum, 0);
  count(sum);
  return 0;
}

SECTION("raw_tracepoint.w/nbd_send_request") int written(u64 *arguments) {
  u32 *request = (u32 *)arguments[0];
  request[1] = 0;
  return 0;
}

static long clear(void *map, const u32 *key, u64 *value, void *data) {
  *value = 0;
  return *value != 0;
}

SECTION("perf_event") int sampled(u64 *data) {
  if (data[21] == 0)
    each(&counts, clear, 0, 0);
  return 0;
}

// One that is wrong: the result of the lookup is used without a test.
SECTION("?kprobe/do_exit") int careless_probe(void *registers) {
  u32 key = 0;
  u64 *value = lookup(&counts, &key);
  *value += 1;
  return 0;
}

SECTION("license") char _license[] = "GPL";
