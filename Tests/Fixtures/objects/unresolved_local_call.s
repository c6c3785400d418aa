# Programs that cannot be linked, each for its own reason, and one that can.
  .section xdp,"ax",@progbits
  .globl good
  .type good,@function
good:
  r0 = 0
  exit
  .size good, 16
  .globl into_the_middle
  .type into_the_middle,@function
into_the_middle:
  .byte 0x85, 0x10, 0, 0
  .long 0xfffffffe
  exit
  .size into_the_middle, 16
  .globl out_of_the_function
  .type out_of_the_function,@function
out_of_the_function:
  r0 = 0
  .byte 0x05, 0, 0xf0, 0xff
  .long 0
  .size out_of_the_function, 16
  .globl wrong_section
  .type wrong_section,@function
wrong_section:
  r1 = elsewhere ll
  exit
  .size wrong_section, 24
  .globl out_of_the_section
  .type out_of_the_section,@function
out_of_the_section:
  .byte 0x85, 0x10, 0, 0
  .long 1000
  exit
  .size out_of_the_section, 16

  .globl a_jump_with_a_relocation
  .type a_jump_with_a_relocation,@function
a_jump_with_a_relocation:
  r0 = 0
  goto good
  .size a_jump_with_a_relocation, 16

  .section somewhere,"aw",@progbits
  .globl elsewhere
elsewhere:
  .long 1
