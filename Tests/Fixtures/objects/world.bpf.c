// What programs see of the world besides the packet: time, random numbers, the CPU; and two types
// of programs besides XDP.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))

static u64 (*const ktime)(void) = (void *)5;
static long (*const print)(const char *format, u32 size, ...) = (void *)6;
static u32 (*const random)(void) = (void *)7;
static u32 (*const processor)(void) = (void *)8;

struct __sk_buff {
  u32 len;
};

volatile u64 time;
volatile u32 number;
volatile u32 processors;

SECTION("tc") int classify(struct __sk_buff *packet) {
  char format[] = "len %d\n";
  time = ktime();
  number = random();
  processors |= 1 << (processor() & 31);
  print(format, sizeof(format), packet->len);
  return packet->len < 60 ? 2 : 0;
}

SECTION("socket") int keep(struct __sk_buff *packet) { return packet->len > 40 ? 17 : 0; }

SECTION("mystery") int unknown(struct __sk_buff *packet) { return 3; }

char terms[] SECTION("license") = "GPL";
