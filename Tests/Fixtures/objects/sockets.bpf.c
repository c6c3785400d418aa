// Programs of groups of tasks and of sockets, in the style of the kernel's samples: who may connect
// where, what options a socket has, which listener gets a packet, a lock and a timer in values.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))
#define NUMBER(name, value) int (*name)[value]

static void *(*const lookup)(void *map, const void *key) = (void *)1;
static long (*const set_option)(void *, int, int, const void *, int) = (void *)49;
static long (*const set_flags)(void *, int) = (void *)59;
static long (*const apply)(void *, u32) = (void *)61;
static long (*const hash_update)(void *, void *, const void *, u64) = (void *)70;
static long (*const redirect)(void *, void *, const void *, u64) = (void *)71;
static long (*const release)(void *) = (void *)86;
static void (*const lock)(void *) = (void *)93;
static void (*const unlock)(void *) = (void *)94;
static void *(*const storage)(void *, void *, void *, u64) = (void *)107;
static long (*const assign)(void *, void *, u64) = (void *)124;
static long (*const timer_init)(void *, void *, u64) = (void *)169;
static long (*const timer_call)(void *, void *) = (void *)170;
static long (*const timer_start)(void *, u64, u64) = (void *)171;

struct bpf_spin_lock {
  u32 val;
};

struct bpf_timer {
  u64 opaque[2];
} __attribute__((aligned(8)));

struct guarded {
  u64 count;
  struct bpf_spin_lock lock;
  u32 last;
};

struct timed {
  u64 count;
  struct bpf_timer timer;
};

struct {
  NUMBER(type, 2);
  NUMBER(max_entries, 4);
  u32 *key;
  struct guarded *value;
} totals SECTION(".maps");

struct {
  NUMBER(type, 2);
  NUMBER(max_entries, 4);
  u32 *key;
  struct timed *value;
} alarms SECTION(".maps");

struct {
  NUMBER(type, 18);
  NUMBER(max_entries, 64);
  u32 *key;
  u32 *value;
} streams SECTION(".maps");

struct {
  NUMBER(type, 24);
  NUMBER(map_flags, 1);
  u32 *key;
  u64 *value;
} kept SECTION(".maps");

struct __sk_buff {
  u32 words[19];
  u32 data, data_end;
};

SECTION("cgroup_skb/egress") int leaves(struct __sk_buff *packet) {
  u8 *data = (u8 *)(long)packet->data;
  u8 *end = (u8 *)(long)packet->data_end;
  if (data + 20 > end)
    return 0;
  return data[9] == 6 ? 1 : 3;
}

struct address {
  u32 family, ip4, ip6[4], port, own_family, type, protocol, source4, source6[4];
};

SECTION("cgroup/connect4") int connects(struct address *address) {
  u32 key = 0;
  struct guarded *total = lookup(&totals, &key);
  if (!total)
    return 1;
  lock(&total->lock);
  total->count += 1;
  total->last = address->ip4;
  unlock(&total->lock);
  if (address->port == 0x5000)
    address->port = 0x901f;
  return 1;
}

SECTION("cgroup/recvmsg4") int receives(struct address *address) { return 1; }

struct device {
  u32 access, major, minor;
};

SECTION("cgroup/dev") int opens(struct device *device) {
  return (device->access & 0xffff) == 2 && device->major == 1;
}

struct option {
  u64 socket, value, end;
  int level, name, length, result;
};

SECTION("cgroup/setsockopt") int sets(struct option *option) {
  u8 *value = (u8 *)option->value;
  u8 *end = (u8 *)option->end;
  if (value + 4 > end)
    return 0;
  value[0] = 1;
  option->length = 4;
  return 1;
}

struct event {
  u32 operation, arguments[4], family, words[40];
  u64 socket;
};

SECTION("sockops") int happens(struct event *event) {
  int size = 65536;
  u32 key = event->arguments[0];
  if (event->operation == 4)
    set_option(event, 1, 7, &size, sizeof(size));
  if (event->operation == 5)
    hash_update(event, &streams, &key, 0);
  set_flags(event, 1);
  return 1;
}

struct message {
  u64 data, end;
  u32 family, words[13];
  u64 socket;
};

SECTION("sk_msg") int sends(struct message *message) {
  u8 *data = (u8 *)message->data;
  u32 key = 1;
  if (data + 1 > (u8 *)message->end)
    return 1;
  apply(message, data[0]);
  u64 *known = storage(&kept, (void *)message->socket, 0, 1);
  if (known)
    *known += 1;
  return redirect(message, &streams, &key, 0);
}

SECTION("sk_lookup") int chooses(void *context) {
  u32 key = 2;
  void *socket = lookup(&streams, &key);
  if (!socket)
    return 1;
  long result = assign(context, socket, 0);
  release(socket);
  return result ? 0 : 1;
}

static int rings(void *map, const u32 *key, struct timed *value) {
  value->count += 1;
  timer_start(&value->timer, 1000000, 0);
  return 0;
}

SECTION("tc") int starts(struct __sk_buff *packet) {
  u32 key = 0;
  struct timed *alarm = lookup(&alarms, &key);
  if (!alarm)
    return 0;
  timer_init(&alarm->timer, &alarms, 1);
  timer_call(&alarm->timer, rings);
  timer_start(&alarm->timer, 1000000, 0);
  return 0;
}

// One that is wrong: the socket is not given back.
SECTION("?sk_lookup") int forgets(void *context) {
  u32 key = 2;
  return lookup(&streams, &key) != 0;
}

SECTION("license") char _license[] = "GPL";
