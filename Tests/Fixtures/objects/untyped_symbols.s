# What compilers before LLVM 8 wrote: symbols without type and size, labels among them, and
# calls that the assembler has resolved.
  .section xdp,"ax",@progbits
  .globl first
first:
  r0 = 1
  if r1 == 0 goto LBB0_1
  call local
LBB0_1:
  exit
local:
  r0 = 2
  exit
  .globl second
second:
  r1 = table ll
  r0 = 3
  exit

  .section maps,"aw",@progbits
  .globl table
table:
  .long 2, 4, 8, 16
  .globl more
more:
  .long 1, 8, 8, 32
