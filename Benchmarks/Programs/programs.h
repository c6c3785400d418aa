// The compute programs of the benchmark, in C that serves twice: clang compiles it for BPF
// (compute.bpf.c) and natively (NativePrograms). Every program works on one block of memory that
// is filled before the run, and returns a number that depends on everything it did.
//
// Loops have constant bounds and indices are masked where Linux's verifier cannot see that they
// stay inside.
#ifndef PROGRAMS_H
#define PROGRAMS_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define INLINE static inline __attribute__((always_inline))
#ifdef __bpf__
// The verifier walks loops; an optimiser that unrolls them fully would measure something else.
#define ROLLED _Pragma("clang loop unroll(disable)") _Pragma("clang loop vectorize(disable)")
#else
#define ROLLED _Pragma("clang loop unroll(disable)")
#endif

#define BLOCK_BYTES 4096

struct block {
  u8 bytes[BLOCK_BYTES];
  u32 words[1024];
  u64 scratch[256];
};

INLINE u32 rotate_left32(u32 x, int n) { return (x << n) | (x >> (32 - n)); }
INLINE u64 rotate_left64(u64 x, int n) { return (x << n) | (x >> (64 - n)); }

// FNV-1a over 512 bytes: a byte load, a xor and a multiplication per step.
INLINE u64 program_fnv1a(struct block *b) {
  u64 hash = 0xcbf29ce484222325ULL;
  ROLLED for (u32 i = 0; i < 512; i++) hash = (hash ^ b->bytes[i]) * 0x100000001b3ULL;
  return hash;
}

// Mixing in the manner of murmur3's 32-bit variant over 2 KiB.
INLINE u64 program_murmur(struct block *b) {
  u32 h = 0x9747b28c;
  ROLLED for (u32 i = 0; i < 512; i++) {
    u32 k = b->words[i] * 0xcc9e2d51u;
    h ^= rotate_left32(k, 15) * 0x1b873593u;
    h = rotate_left32(h, 13) * 5 + 0xe6546b64u;
  }
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  return h;
}

// Rounds of add, rotate, xor on four 64-bit words, as SipHash has them.
INLINE u64 program_siphash_rounds(struct block *b) {
  u64 v0 = b->scratch[0], v1 = b->scratch[1], v2 = b->scratch[2], v3 = b->scratch[3];
  ROLLED for (u32 i = 0; i < 64; i++) {
    v3 ^= b->scratch[i];
    v0 += v1; v1 = rotate_left64(v1, 13); v1 ^= v0; v0 = rotate_left64(v0, 32);
    v2 += v3; v3 = rotate_left64(v3, 16); v3 ^= v2;
    v0 += v3; v3 = rotate_left64(v3, 21); v3 ^= v0;
    v2 += v1; v1 = rotate_left64(v1, 17); v1 ^= v2; v2 = rotate_left64(v2, 32);
    v0 ^= b->scratch[i];
  }
  return v0 ^ v1 ^ v2 ^ v3;
}

// The Internet checksum over 1500 bytes, 16 bits at a time.
INLINE u64 program_checksum1500(struct block *b) {
  u32 sum = 0;
  ROLLED for (u32 i = 0; i < 1500; i += 2) sum += *(u16 *)(b->bytes + i);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (u16)~sum;
}

// CRC-32 bit by bit over 128 bytes: shifts and unpredictable selects.
INLINE u64 program_crc32_bitwise(struct block *b) {
  u32 crc = 0xffffffff;
  ROLLED for (u32 i = 0; i < 128; i++) {
    crc ^= b->bytes[i];
    ROLLED for (u32 k = 0; k < 8; k++) crc = (crc >> 1) ^ (0xedb88320u & (0 - (crc & 1)));
  }
  return ~crc;
}

// Bubble sort of 32 words.
INLINE u64 program_bubble_sort(struct block *b) {
  ROLLED for (u32 i = 0; i < 32; i++) b->scratch[i] = b->words[i];
  ROLLED for (u32 i = 0; i < 31; i++)
    ROLLED for (u32 j = 0; j < 31; j++) {
      u64 left = b->scratch[j], right = b->scratch[j + 1];
      if (left > right) {
        b->scratch[j] = right;
        b->scratch[j + 1] = left;
      }
    }
  return b->scratch[0] + 3 * b->scratch[15] + 5 * b->scratch[31];
}

// Product of two 12 by 12 matrices of words.
INLINE u64 program_matrix12(struct block *b) {
  u64 trace = 0;
  ROLLED for (u32 i = 0; i < 12; i++)
    ROLLED for (u32 j = 0; j < 12; j++) {
      u64 sum = 0;
      ROLLED for (u32 k = 0; k < 12; k++)
        sum += (u64)b->words[i * 12 + k] * b->words[144 + k * 12 + j];
      b->scratch[(i * 12 + j) & 255] = sum;
      trace += sum;
    }
  return trace;
}

// Set bits of 128 words by arithmetic.
INLINE u64 program_bit_count(struct block *b) {
  u64 total = 0;
  ROLLED for (u32 i = 0; i < 128; i++) {
    u64 x = b->scratch[i & 255];
    x -= (x >> 1) & 0x5555555555555555ULL;
    x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
    total += (x * 0x0101010101010101ULL) >> 56;
  }
  return total;
}

// Byte order of 256 words turned round.
INLINE u64 program_byte_swap(struct block *b) {
  u64 sum = 0;
  ROLLED for (u32 i = 0; i < 256; i++) {
    u32 swapped = __builtin_bswap32(b->words[i]);
    b->words[512 + i] = swapped;
    sum += swapped;
  }
  return sum;
}

// Branches that depend on data.
INLINE u64 program_branches(struct block *b) {
  u64 small = 0, medium = 0, large = 0, odd = 0;
  ROLLED for (u32 i = 0; i < 512; i++) {
    u32 value = b->bytes[i];
    if (value < 64) small++;
    else if (value < 160) medium += value;
    else large ^= value;
    if (value & 1) odd += i;
  }
  return small + 3 * medium + 5 * large + 7 * odd;
}

// A tiny interpreter: dispatch through a switch on bytes.
INLINE u64 program_switch_dispatch(struct block *b) {
  u64 a = 1;
  ROLLED for (u32 i = 0; i < 256; i++) {
    switch (b->bytes[i] & 7) {
      case 0: a += i; break;
      case 1: a ^= a << 7; break;
      case 2: a -= 13; break;
      case 3: a = rotate_left64(a, 9); break;
      case 4: a *= 31; break;
      case 5: a |= 1; break;
      case 6: a ^= a >> 5; break;
      default: a = ~a; break;
    }
  }
  return a;
}

// Rounds in the manner of ChaCha on sixteen words.
INLINE u64 program_rotates(struct block *b) {
  u32 x0 = b->words[0], x1 = b->words[1], x2 = b->words[2], x3 = b->words[3];
  ROLLED for (u32 i = 0; i < 128; i++) {
    x0 += x1; x3 = rotate_left32(x3 ^ x0, 16);
    x2 += x3; x1 = rotate_left32(x1 ^ x2, 12);
    x0 += x1; x3 = rotate_left32(x3 ^ x0, 8);
    x2 += x3; x1 = rotate_left32(x1 ^ x2, 7);
  }
  return x0 ^ x1 ^ x2 ^ x3;
}

// A chain of dependent loads.
INLINE u64 program_memory_walk(struct block *b) {
  u32 at = 0;
  u64 sum = 0;
  ROLLED for (u32 i = 0; i < 512; i++) {
    at = b->words[at & 1023];
    sum += at;
  }
  return sum;
}

// 2 KiB copied eight bytes at a time.
INLINE u64 program_copy2k(struct block *b) {
  u64 *from = (u64 *)b->bytes;
  u64 *to = (u64 *)(b->bytes + 2048);
  ROLLED for (u32 i = 0; i < 256; i++) to[i] = from[i];
  return to[255];
}

// Division and remainder by a value from memory.
INLINE u64 program_division(struct block *b) {
  u64 sum = 0;
  ROLLED for (u32 i = 0; i < 128; i++) {
    u64 divisor = (b->bytes[i] | 1);
    sum += b->scratch[i & 255] / divisor + b->scratch[i & 255] % divisor;
  }
  return sum;
}

// The sieve of Eratosthenes up to 1024.
INLINE u64 program_sieve(struct block *b) {
  u64 primes = 0;
  ROLLED for (u32 i = 0; i < 1024; i++) b->bytes[2048 + i] = 0;
  ROLLED for (u32 i = 2; i < 1024; i++) {
    if (b->bytes[2048 + (i & 1023)]) continue;
    primes++;
    ROLLED for (u32 j = i + i; j < 1024; j += i) b->bytes[2048 + (j & 1023)] = 1;
  }
  return primes;
}

// A 64-byte TCP header taken apart byte by byte, as a parser does.
INLINE u64 program_parse_header(struct block *b) {
  u8 *p = b->bytes;
  u64 result = 0;
  u32 type = (p[12] << 8) | p[13];
  u32 offset = 14;
  if (type == 0x8100) {
    type = (p[16] << 8) | p[17];
    offset = 18;
  }
  if (type != 0x0800) return type;
  u32 words = p[offset & 63] & 15;
  u32 protocol = p[(offset + 9) & 63];
  u32 source = (p[(offset + 12) & 63] << 24) | (p[(offset + 13) & 63] << 16)
             | (p[(offset + 14) & 63] << 8) | p[(offset + 15) & 63];
  u32 target = (p[(offset + 16) & 63] << 24) | (p[(offset + 17) & 63] << 16)
             | (p[(offset + 18) & 63] << 8) | p[(offset + 19) & 63];
  offset += words * 4;
  u32 ports = (p[offset & 63] << 24) | (p[(offset + 1) & 63] << 16)
            | (p[(offset + 2) & 63] << 8) | p[(offset + 3) & 63];
  result = source ^ target ^ ports ^ protocol;
  return result;
}

// Binary searches in a sorted table of 256 words.
INLINE u64 program_binary_search(struct block *b) {
  u64 found = 0;
  ROLLED for (u32 i = 0; i < 64; i++) {
    u64 wanted = (u64)b->bytes[i] * 16;
    u32 low = 0;
    ROLLED for (u32 step = 128; step > 0; step >>= 1) {
      u32 probe = (low + step) & 255;
      if ((u64)probe * 16 <= wanted) low = probe;
    }
    found += low + b->scratch[low & 255];
  }
  return found;
}

// The bits of 128 words in reverse order: shifts and masks.
INLINE u64 program_reverse_bits(struct block *b) {
  u64 sum = 0;
  ROLLED for (u32 i = 0; i < 128; i++) {
    u32 x = b->words[i];
    x = ((x >> 1) & 0x55555555u) | ((x & 0x55555555u) << 1);
    x = ((x >> 2) & 0x33333333u) | ((x & 0x33333333u) << 2);
    x = ((x >> 4) & 0x0f0f0f0fu) | ((x & 0x0f0f0f0fu) << 4);
    x = ((x >> 8) & 0x00ff00ffu) | ((x & 0x00ff00ffu) << 8);
    sum += (x >> 16) | (x << 16);
  }
  return sum;
}

// A string compared with another, byte by byte.
INLINE u64 program_compare(struct block *b) {
  u64 equal = 0;
  ROLLED for (u32 i = 0; i < 256; i++) {
    if (b->bytes[i] == b->bytes[256 + i]) equal++;
  }
  return equal;
}

// Every program, as X(name).
#define FOR_EACH_PROGRAM(X) \
  X(fnv1a) X(murmur) X(siphash_rounds) X(checksum1500) X(crc32_bitwise) X(bubble_sort) \
  X(matrix12) X(bit_count) X(byte_swap) X(branches) X(switch_dispatch) X(rotates) \
  X(memory_walk) X(copy2k) X(division) X(sieve) X(parse_header) X(binary_search) X(reverse_bits) \
  X(compare)

#endif
